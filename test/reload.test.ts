import { copyFileSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { Agent } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  type Answer,
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  type Manifest,
  metric,
  repositoryFile,
  startTestRuntime,
  statusOrRefused,
  type TestRuntime,
  untilApp,
  urlOf,
} from "./harness.ts";

const HELLO = "examples/hello-rust/hello-rust.wasm";

const temporary = makeTemporaryFolder();
const cache = join(temporary.path, "cache");
let runtime: TestRuntime | undefined;

afterEach(async () => {
  await runtime?.stop(0);
  runtime = undefined;
});

afterAll(() => temporary.remove());

test("contract: a changed manifest takes effect without a failed request", async () => {
  runtime = await startTestRuntime([version("1")], cache);
  const load = new Load(`${await urlOf(runtime, "probe")}/env`);
  await load.until(({ body }) => body.includes("VERSION=1\n"));
  runtime.write("apps.yaml", version("2"));
  await load.until(({ body }) => body.includes("VERSION=2\n"));
  expect(new Set(await load.stop())).toEqual(new Set(["200"]));
});

test("contract: a changed artifact takes effect without a failed request; a bad one keeps the old one serving", async () => {
  const artifact = join(mkdtempSync(join(temporary.path, "artifact-")), "app.wasm");
  copyFileSync(repositoryFile(HELLO), artifact);
  runtime = await startTestRuntime([appManifest("app", artifact)], cache);
  const load = new Load(`${await urlOf(runtime, "app")}/`);
  await load.until(({ body }) => body !== "Hello from probe\n");
  replaceFile(artifact, (path) => copyFileSync(guestFile("probe"), path));
  await load.until(({ body }) => body === "Hello from probe\n");
  replaceFile(artifact, (path) => writeFileSync(path, "not wasm"));
  const { message } = await untilApp(runtime, "app", "Ready", ({ reason }) => reason === "ARTIFACT_NOT_WASM");
  expect(message).toContain("fix: ");
  await load.until(({ body }) => body === "Hello from probe\n");
  replaceFile(artifact, (path) => copyFileSync(repositoryFile(HELLO), path));
  await load.until(({ body }) => body !== "Hello from probe\n");
  await untilApp(runtime, "app", "Ready", ({ reason }) => reason === undefined);
  expect(new Set(await load.stop())).toEqual(new Set(["200"]));
});

test("contract: an app that is removed stops listening and its series go", async () => {
  runtime = await startTestRuntime([appManifest("stays", guestFile("probe"))], cache);
  runtime.write("leaves.yaml", appManifest("leaves", guestFile("probe")));
  const url = await urlOf(runtime, "leaves");
  await get(`${url}/hello`);
  expect(await metric(runtime, "wasmlet_requests_total", 'app="leaves"')).toBe(1);
  runtime.delete("leaves.yaml");
  while ((await statusOrRefused(url)) !== "ECONNREFUSED");
  expect(runtime.apps().map(({ name }) => name)).toEqual(["stays"]);
  const { body } = await get(`${runtime.managementUrl}/metrics`);
  expect(body).toContain('app="stays"');
  expect(body).not.toContain('app="leaves"');
  expect((await get(`${await urlOf(runtime, "stays")}/hello`)).status).toBe(200);
});

test("contract: the second of two apps that ask for one port says so; it serves when the first one goes", async () => {
  const { port, close } = await takePort();
  await close();
  runtime = await startTestRuntime([appManifest("first", guestFile("probe"), { port })], cache);
  await urlOf(runtime, "first");
  runtime.write("second.yaml", appManifest("second", guestFile("probe"), { port }));
  const { reason } = await untilApp(runtime, "second", "BackOff");
  expect(reason).toBe("APP_PORT_CONFLICT");
  runtime.delete("apps.yaml");
  expect(await urlOf(runtime, "second")).toBe(`http://127.0.0.1:${port}`);
});

test("contract: an app whose port another program has says so; it serves when the port is free", async () => {
  const { port, close } = await takePort();
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"), { port })], cache);
  const { reason, message } = await untilApp(runtime, "probe", "BackOff");
  expect(reason).toBe("APP_PORT_IN_USE");
  expect(message).toContain(String(port));
  await close();
  expect(await urlOf(runtime, "probe")).toBe(`http://127.0.0.1:${port}`);
});

test("contract: a management port that another program has is an error at the start", async () => {
  const { port, close } = await takePort();
  await expect(startTestRuntime([], cache, { managementPort: port })).rejects.toMatchObject({
    code: "RUNTIME_PORT_IN_USE",
  });
  await close();
});

function version(value: string): Manifest {
  return appManifest("probe", guestFile("probe"), { spec: { env: [{ name: "VERSION", value }] } });
}

/** Clients that send one request after another, half of them on connections that stay open. */
class Load {
  readonly #url: string;
  readonly #outcomes: string[] = [];
  readonly #clients: Promise<void>[];
  readonly #agent = new Agent({ keepAlive: true });
  #watchers: ((answer: Answer) => void)[] = [];
  #isOver = false;

  constructor(url: string, clients = 8) {
    this.#url = url;
    this.#clients = Array.from({ length: clients }, (_, index) => this.#run(index % 2 === 0 ? this.#agent : false));
  }

  /** Resolves once an answer is as wanted. */
  until(isWanted: (answer: Answer) => boolean): Promise<void> {
    return new Promise((resolve) => this.#watchers.push((answer) => isWanted(answer) && resolve()));
  }

  /** Ends the clients; returns the status or the error of every request. */
  async stop(): Promise<string[]> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    return this.#outcomes;
  }

  async #run(agent: Agent | false): Promise<void> {
    while (!this.#isOver) {
      try {
        const answer = await get(this.#url, { agent });
        this.#outcomes.push(String(answer.status));
        for (const watch of this.#watchers) watch(answer);
      } catch (thrown) {
        this.#outcomes.push(String(thrown));
      }
    }
  }
}

/** Replaces a file at once, as a careful deployment does. */
function replaceFile(file: string, write: (path: string) => void): void {
  write(`${file}.new`);
  renameSync(`${file}.new`, file);
}

/** Listens on a free port as another program would. */
async function takePort(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
