import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../oci/digest.ts";
import { sample, type SampleLayer } from "../../oci/layouts/samples.ts";
import { IMAGE_CONFIG, SPIN_LOCK } from "../../oci/media-types.ts";
import {
  get,
  guestFile,
  makeTemporaryFolder,
  repositoryFile,
  startTestRuntime,
  until,
  untilApp,
  urlOf,
  type Manifest,
  type TestRuntime,
} from "../harness.ts";
import { spawnWasmlet } from "../served-runtime.ts";
import { pushSample } from "./foreign-tools.ts";
import { startRealRegistry, type RealRegistry } from "./real-registry.ts";
import { dockerRegistry, needTools } from "./tools.ts";

/*
 * A Spin application of several components out of a registry, as `spin registry push` leaves it there.
 */

const VARIABLES = readFileSync(guestFile("variables"));
const PROBE = readFileSync(guestFile("probe"));
const HELLO = readFileSync(repositoryFile("examples/hello-rust/hello-rust.wasm"));
const PAGE = Buffer.from(`<!doctype html>\n${"<p>more than the 128 bytes that are inlined</p>\n".repeat(8)}`);
const SECRET = "correct-horse-battery";

function source(wasm: Buffer): object {
  return { content_type: "application/wasm", digest: digestOf(wasm) };
}

function trigger(component: string, route: unknown): object {
  return {
    id: `trigger-${component}`,
    trigger_type: "http",
    trigger_config: { component, executor: { type: "http" }, route },
  };
}

/** The lock file as Spin 4 writes it, digests put in; what is up to 128 bytes long stands in it as well. */
function lockOf(change: (lock: LockFile) => void = () => {}): LockFile {
  const note = Buffer.from("of the api");
  const lock: LockFile = {
    spin_lock_version: 0,
    metadata: { authors: ["A"], name: "shop", trigger: { type: "http" }, triggers: { http: {} }, version: "1.0.0" },
    variables: {
      greeting: { default: "hi" },
      host: { default: "127.0.0.1", description: "where the rest is" },
      token: { secret: true },
    },
    triggers: [
      trigger("web", "/..."),
      trigger("api", "/api/:user_id/..."),
      trigger("fetcher", "/fetch"),
      trigger("plain", "/fetch-stream"),
      trigger("inner", { private: true }),
    ],
    components: [
      {
        id: "web",
        source: source(VARIABLES),
        env: { COLOUR: "blue" },
        files: [{ digest: digestOf(PAGE), path: "static/index.html" }],
        config: { greeting: "{{ greeting }} there" },
      },
      {
        id: "api",
        source: source(VARIABLES),
        files: [{ inline: note.toString("base64"), digest: digestOf(note), path: "note.txt" }],
        config: { auth: "Bearer {{ token }}", fixed: "1" },
      },
      {
        id: "fetcher",
        metadata: { allowed_outbound_hosts: ["http://{{ host }}:*", "http://127.0.0.2"] },
        source: source(PROBE),
      },
      { id: "inner", source: source(HELLO) },
      { id: "plain", source: source(PROBE) },
    ],
  };
  change(lock);
  return lock;
}

interface LockFile {
  [field: string]: unknown;
  variables: Record<string, object>;
  triggers: object[];
  components: Record<string, unknown>[];
}

async function pushApplication(image: string, lock: LockFile): Promise<void> {
  const layers = [VARIABLES, PROBE, HELLO].map((wasm): SampleLayer => ["application/wasm", wasm]);
  const lockFile = Buffer.from(JSON.stringify(lock));
  const config = {
    architecture: "wasm",
    os: "Wasip1",
    config: { Labels: { "com.fermyon.spin.lockedAppDigest": digestOf(lockFile) } },
    rootfs: { type: "layers", diff_ids: [] },
  };
  const data: SampleLayer = ["application/vnd.wasm.content.layer.v1+data", PAGE];
  await pushSample(image, sample(IMAGE_CONFIG, config, [...layers, data, [SPIN_LOCK, lockFile]]));
}

function app(name: string, image: string, spec: Record<string, unknown> = {}): Manifest {
  return {
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmApp",
    metadata: { name },
    spec: { source: { oci: { image } }, ...spec },
  };
}

const TOKEN = { name: "SPIN_VARIABLE_TOKEN", valueFrom: { secretKeyRef: { name: "shop", key: "token" } } };
const SECRET_OBJECT = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "shop" },
  stringData: { token: SECRET },
};

/** Only the API is left, under one route. */
function onlyApi(lock: LockFile): void {
  lock.triggers = [{ trigger_type: "http", trigger_config: { component: "api", route: "/api" } }];
}

function onlyProbes(lock: LockFile): void {
  lock.triggers = ["fetcher", "plain"].map((component) => ({
    trigger_type: "http",
    trigger_config: { component, route: component === "plain" ? "/sleep" : "/..." },
  }));
}

function addRedis(lock: LockFile): void {
  lock.triggers.push({ trigger_type: "redis", trigger_config: {} });
}

/** What the guest of components `web` and `api` answers, line by line. */
async function ask(url: string, headers: Record<string, string | string[]> = {}): Promise<Record<string, string>> {
  const { status, body } = await get(url, { headers });
  expect(status).toBe(200);
  return Object.fromEntries(
    body
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string]),
  );
}

describe.skipIf(!needTools(dockerRegistry()))("a Spin application of several components", () => {
  const cache = makeTemporaryFolder();
  let registry: RealRegistry;
  let image: string;
  let runtime: TestRuntime;
  let url: string;
  beforeAll(async () => {
    registry = await startRealRegistry();
    image = `${registry.host}/spin/shop:1`;
    await pushApplication(image, lockOf());
    const spec = {
      env: [TOKEN, { name: "GIVEN", value: "to all" }],
      network: { allowedOutboundHosts: [`127.0.0.1`] },
    };
    runtime = await startTestRuntime([SECRET_OBJECT, app("shop", image, spec)], cache.path);
    url = await urlOf(runtime, "shop");
  });
  afterAll(async () => {
    await runtime.stop(0);
    await registry[Symbol.asyncDispose]();
    cache.remove();
  });

  test("each component has its own files, environment and variables, with the app's environment", async () => {
    const query =
      "get=greeting&get=auth&get=Bad&all&config=greeting&config=none&env=COLOUR&env=GIVEN&file=/static/index.html";
    expect(await ask(`${url}/?${query}`)).toEqual({
      "get=greeting": '"hi there"',
      "get=auth": 'error Error::Undefined("no variable for \\"web\\".\\"auth\\"")',
      "get=Bad": expect.stringContaining("error Error::InvalidName("),
      all: '[("greeting", "hi there")]',
      "config=greeting": 'Some("hi there")',
      "config=none": "None",
      "env=COLOUR": '"blue"',
      "env=GIVEN": '"to all"',
      "file=/static/index.html": JSON.stringify(PAGE.toString()),
    });
    expect(
      await ask(`${url}/api/7/x?get=auth&get=greeting&env=COLOUR&env=GIVEN&file=/note.txt&file=/static/index.html`),
    ).toEqual({
      "get=auth": `"Bearer ${SECRET}"`,
      "get=greeting": expect.stringContaining("error Error::Undefined("),
      "env=COLOUR": "error NotPresent",
      "env=GIVEN": '"to all"',
      "file=/note.txt": '"of the api"',
      "file=/static/index.html": "error Some(44)",
    });
  });

  test("a variable's setting is no environment of any component's", async () => {
    expect(await ask(`${url}/?env=SPIN_VARIABLE_TOKEN`)).toEqual({ "env=SPIN_VARIABLE_TOKEN": "error NotPresent" });
  });

  test("a component is told of its route as Spin tells it", async () => {
    const names = [
      "spin-path-info",
      "spin-full-url",
      "spin-matched-route",
      "spin-base-path",
      "spin-raw-component-route",
      "spin-component-route",
      "spin-path-match-user-id",
      "spin-path-match-evil",
      "connection",
      "x-mine",
    ];
    const query = names.map((name) => `header=${name}`).join("&");
    const sent = { "Spin-Path-Info": "/forged", "spin-path-match-evil": "x", "x-mine": ["a", "b"] };
    const { host } = new URL(url);
    expect(await ask(`${url}/api/7/orders/?${query}`, sent)).toEqual({
      "header=spin-path-info": '["/orders/"]',
      "header=spin-full-url": `["http://${host}/api/7/orders/?${query}"]`,
      "header=spin-matched-route": '["/api/:user_id/..."]',
      "header=spin-base-path": '["/"]',
      "header=spin-raw-component-route": '["/api/:user_id/..."]',
      "header=spin-component-route": '["/api/:user_id"]',
      "header=spin-path-match-user-id": '["7"]',
      "header=spin-path-match-evil": "[]",
      "header=connection": "[]",
      "header=x-mine": '["a", "b"]',
    });
    const { "header=spin-client-addr": client } = await ask(`${url}/?header=spin-client-addr`);
    expect(client).toMatch(/^\["127\.0\.0\.1:\d+"\]$/);
  });

  /** What was logged until now: a line of a cell's may come after its answer. */
  const said = (): string => runtime.lines.map(({ text: line }) => line).join("\n");

  test("a component reaches what both its own list and the app's allow", async () => {
    const target = encodeURIComponent(`http://${new URL(url).host}/api/7?get=fixed`);
    const [granted, ofAppAlone, ofComponentAlone] = await Promise.all([
      get(`${url}/fetch?url=${target}`),
      get(`${url}/fetch-stream?url=${target}`),
      get(`${url}/fetch?url=${encodeURIComponent("http://127.0.0.2/")}`),
    ]);
    expect(granted.body).toBe('status: 200\nget=fixed: "1"\n');
    expect(ofAppAlone.body).toContain("HttpRequestDenied");
    expect(ofComponentAlone.body).toContain("DestinationIpProhibited");
    await expect
      .poll(said)
      .toContain(
        `the component plain: refused an outgoing connection to ${new URL(url).host}: not in the component's allowed_outbound_hosts`,
      );
    await expect
      .poll(said)
      .toContain(
        "the component fetcher: refused an outgoing connection to 127.0.0.2:80: not in network.allowedOutboundHosts",
      );
  });

  test("no secret is seen in the log, in a state or in what inspect tells", async () => {
    const inspect = spawnWasmlet(["inspect", image], cache.path);
    const [stdout] = await Promise.all([text(inspect.stdout!), once(inspect, "close")]);
    expect(stdout).toContain("route:       /api/:user_id/... to api\n");
    expect(stdout).toContain("variable:    token (secret): has to be given as SPIN_VARIABLE_TOKEN\n");
    expect(JSON.stringify([runtime.lines, runtime.apps(), stdout])).not.toContain(SECRET);
  });
});

describe.skipIf(!needTools(dockerRegistry()))("Spin applications", () => {
  const cache = makeTemporaryFolder();
  let registry: RealRegistry;
  beforeAll(async () => {
    registry = await startRealRegistry();
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    cache.remove();
  });

  async function withApp(
    name: string,
    change: (lock: LockFile) => void,
    spec: Record<string, unknown>,
    use: (runtime: TestRuntime) => Promise<void>,
  ): Promise<void> {
    const image = `${registry.host}/spin/${name}:1`;
    await pushApplication(image, lockOf(change));
    const runtime = await startTestRuntime([SECRET_OBJECT, app(name, image, spec)], cache.path);
    await use(runtime).finally(() => runtime.stop(0));
  }

  test("what no route takes is answered with 404, and private components are not reached", async () => {
    await withApp("routes", onlyApi, { env: [TOKEN] }, async (runtime) => {
      const url = await urlOf(runtime, "routes");
      expect(await ask(`${url}/api/?get=fixed`)).toEqual({ "get=fixed": '"1"' });
      for (const path of ["/", "/apis", "/inner", "/api/x", "/%61pi"]) {
        const { status, headers } = await get(url + path);
        expect([path, status, headers["x-wasmlet-error"]]).toEqual([path, 404, "REQUEST_NO_ROUTE"]);
      }
    });
  });

  test("a variable without a value keeps the app from starting, and giving it one starts it", async () => {
    await withApp("missing", onlyApi, {}, async (runtime) => {
      const { reason, message } = await untilApp(runtime, "missing", "Failed");
      expect(reason).toBe("APP_VARIABLE_MISSING");
      expect(message).toContain("Set SPIN_VARIABLE_TOKEN in spec.env, with valueFrom.secretKeyRef where it is secret.");
      runtime.write("apps.yaml", SECRET_OBJECT, app("missing", `${registry.host}/spin/missing:1`, { env: [TOKEN] }));
      await until(runtime, () => runtime.apps().find(({ state }) => state === "Ready"));
    });
  });

  test("a trigger of another kind is refused, with the reason", async () => {
    await withApp("redis", addRedis, { env: [TOKEN] }, async (runtime) => {
      expect(await untilApp(runtime, "redis", "Failed")).toMatchObject({
        reason: "OCI_LAYOUT_UNKNOWN",
        message: expect.stringContaining("the Spin application has a trigger redis"),
      });
    });
  });

  test("the limit on concurrent requests is the app's, whichever of its components they are for", async () => {
    const spec = { env: [TOKEN], limits: { concurrency: 1 } };
    await withApp("limits", onlyProbes, spec, async (runtime) => {
      const { hostname, port } = new URL(await urlOf(runtime, "limits"));
      const holder = connect(Number(port), hostname);
      holder.write("GET /sleep?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
      await once(holder, "connect");
      const waiting = Array.from({ length: 6 }, () => get(`http://${hostname}:${port}/count`).catch(() => undefined));
      const refused = await Promise.race(waiting);
      expect(refused).toMatchObject({ status: 503, headers: { "x-wasmlet-error": "REQUEST_OVERLOADED" } });
      holder.destroy();
      const statuses = (await Promise.all(waiting)).map((answer) => answer?.status);
      expect(statuses).toEqual(expect.arrayContaining([200, 503]));
    });
  });

  test("a component that wants variables runs in no other app", async () => {
    const manifest = {
      ...app("alone", "registry.example.com/alone:1"),
      metadata: { name: "alone", annotations: { "wasmlet.dev/source-path": guestFile("variables") } },
    };
    const runtime = await startTestRuntime([manifest], cache.path);
    try {
      expect(await untilApp(runtime, "alone", "Failed")).toMatchObject({
        reason: "ARTIFACT_IMPORT_NOT_OFFERED",
        message: expect.stringContaining("fermyon:spin/variables@2.0.0"),
      });
    } finally {
      await runtime.stop(0);
    }
  });
});
