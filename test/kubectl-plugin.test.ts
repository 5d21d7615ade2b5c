import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { expect, test, vi } from "vitest";
import type { KubeObject } from "../kube/objects.ts";
import { sendEvent, sendJson, sendStatus, startFakeApiServer, type FakeApiServer } from "../kube/fake-api-server.ts";
import { condition, pinned, recordOf, replicaOf, servingApp } from "../cli/kubectl/fixtures.ts";
import { PLUGIN_COMMANDS } from "../cli/kubectl/plugin.ts";

const LAUNCHER = fileURLToPath(new URL("../cli/kubectl-wasmlet.mjs", import.meta.url));

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** What a path answers; a path with a query counts before one without. */
type Routes = Record<string, (response: ServerResponse, url: URL) => unknown>;

interface Fixture extends AsyncDisposable {
  server: FakeApiServer;
  environment: Record<string, string>;
  run: (...args: string[]) => Promise<Result>;
}

async function serve(routes: Routes): Promise<Fixture> {
  const server = await startFakeApiServer((response, request) => {
    const url = new URL(request.url ?? "", "http://api");
    const path = `${request.method} ${decodeURIComponent(url.pathname)}`;
    const route = routes[`${path}${url.searchParams.has("watch") ? " watch" : ""}`];
    return route === undefined ? sendStatus(response, 404, `NotFound: ${path}`) : route(response, url);
  });
  const folder = await mkdtemp(join(tmpdir(), "wasmlet-plugin-"));
  const kubeconfig = join(folder, "config");
  await writeFile(
    kubeconfig,
    JSON.stringify({
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "c", user: "u", namespace: "default" } }],
      clusters: [{ name: "c", cluster: { server: server.connection.server.href, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: { token: "t0ken" } }],
    }),
  );
  const environment = { PATH: process.env["PATH"] ?? "", KUBECONFIG: kubeconfig, HOME: folder };
  const run = (...args: string[]): Promise<Result> =>
    new Promise((resolve) => {
      const child = execFile(process.execPath, [LAUNCHER, ...args], { env: environment }, (_, stdout, stderr) =>
        resolve({ status: child.exitCode, stdout, stderr }),
      );
    });
  const dispose = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  };
  return { server, environment, run, [Symbol.asyncDispose]: dispose };
}

const GROUP = "/apis/wasmlet.dev/v1alpha1/namespaces/default";
const APPS = `GET ${GROUP}/wasmapps`;
const REPLICAS = `GET ${GROUP}/wasmreplicas`;
const RECORDS = "GET /apis/apps/v1/namespaces/default/controllerrevisions";
const PODS = "GET /api/v1/pods";

function object(value: KubeObject): Routes[string] {
  return (response) => sendJson(response, value);
}

function list(...items: KubeObject[]): Routes[string] {
  return (response) => sendJson(response, { kind: "List", metadata: { resourceVersion: "10" }, items });
}

function runtimePod(node: string, name = `runtime-${node}`): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "wasmlet-system", resourceVersion: "7" },
    spec: { nodeName: node },
    status: { phase: "Running" },
  } as KubeObject;
}

/** A line of a runtime's log, so many milliseconds after the beginning of the year. */
function logLine(ms: number, msg: string, app = "hello"): string {
  const time = new Date(Date.UTC(2026, 0, 1) + ms).toISOString().replace("Z", "000000Z");
  return `${time} ${JSON.stringify({ level: "info", namespace: "default", app, stream: "stdout", msg })}\n`;
}

function podLog(pod: string): string {
  return `GET /api/v1/namespaces/wasmlet-system/pods/${pod}/log`;
}

test.each(PLUGIN_COMMANDS.map(({ name }) => name))(
  "kubectl wasmlet %s --help: has a usage and examples",
  async (name) => {
    await using plugin = await serve({});
    const { status, stdout } = await plugin.run(name, "--help");
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: kubectl wasmlet ${name}`);
    expect(stdout).toContain("--kubeconfig");
    expect(stdout).toMatch(new RegExp(`Examples:\n( {2}.*\n)* {2}.*kubectl wasmlet ${name}`));
  },
);

test("kubectl wasmlet: without a command, and with half of one, it shows help", async () => {
  await using plugin = await serve({});
  expect(await plugin.run()).toMatchObject({ status: 0, stdout: expect.stringContaining("Commands:") });
  expect(await plugin.run("rollout")).toMatchObject({ status: 0, stdout: expect.stringContaining("undo"), stderr: "" });
});

test.each([
  [["rollout", "undo"], "missing required argument 'app'\n  expected: kubectl wasmlet rollout undo [options] <app>"],
  [
    ["rollout", "stat", "hello"],
    "unknown command 'stat'\n  fix: Did you mean status? See `kubectl wasmlet rollout --help`.",
  ],
  [["get", "-A", "hello"], "an app can't be named across all namespaces"],
  [["logs", "hello", "--tail", "many"], "--tail <lines> can't be 'many'\n  expected: a number from 0 to 10000"],
])("kubectl wasmlet %j: is a usage error", async (args, expected) => {
  await using plugin = await serve({});
  const { status, stderr } = await plugin.run(...args);
  expect(stderr).toContain(`error: CLI_USAGE: ${expected}`);
  expect(status).toBe(2);
});

test("kubectl wasmlet get: the namespace is the context's, or the one that is named before or behind the command", async () => {
  const app = servingApp();
  await using plugin = await serve({ [APPS]: list(app), [REPLICAS]: list(replicaOf(app, "node1")) });
  const { status, stdout } = await plugin.run("get");
  expect([status, stdout]).toEqual([0, expect.stringMatching(/hello {3}True {4}2\/2 {8}rev2 {7}node1 /)]);
  expect((await plugin.run("get", "-o", "name")).stdout).toBe("wasmapp.wasmlet.dev/hello\n");
  expect(await plugin.run("-n", "web", "get")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("KUBE_NOT_FOUND"),
  });
  expect(plugin.server.requests.at(-1)).toContain("/namespaces/web/wasmapps");
});

test("kubectl wasmlet get APP: shows its nodes, and says where there is no such app", async () => {
  const app = servingApp();
  await using plugin = await serve({ [`${APPS}/hello`]: object(app), [REPLICAS]: list(replicaOf(app, "node1")) });
  expect((await plugin.run("get", "hello")).stdout).toMatch(/\n\nNODE .*\nnode1 {3}Ready /);
  const missing = await plugin.run("get", "hallo");
  expect([missing.status, missing.stderr]).toEqual([
    1,
    "error: APP_NOT_FOUND: there is no WasmApp hallo in the namespace default\n" +
      "  fix: See `kubectl wasmlet get -A` for those that there are.\n",
  ]);
});

test("kubectl wasmlet logs: the lines of one app, of all nodes, in the order of time", async () => {
  const app = servingApp();
  await using plugin = await serve({
    [`${APPS}/hello`]: object(app),
    [REPLICAS]: list(replicaOf(app, "node1"), replicaOf(app, "node2")),
    [PODS]: list(runtimePod("node1"), runtimePod("node2")),
    [podLog("runtime-node1")]: (response) =>
      response.end(logLine(1, "one") + logLine(2, "not mine", "other") + logLine(30, "three\u001B[2J")),
    [podLog("runtime-node2")]: (response) => response.end(`garbage\n${logLine(20, "two")}${logLine(40, "four")}`),
  });
  expect(await plugin.run("logs", "hello")).toEqual({
    status: 0,
    stdout: "[node1] one\n[node2] two\n[node1] three\uFFFD[2J\n[node2] four\n",
    stderr: "",
  });
  expect((await plugin.run("logs", "hello", "--tail", "1", "--node", "node2", "--since", "90s")).stdout).toBe("four\n");
  expect(plugin.server.requests.at(-1)).toContain("container=runtime&sinceSeconds=90&timestamps=true");
  const json = await plugin.run("logs", "hello", "--node", "node1", "-o", "json");
  expect(JSON.parse(json.stdout.split("\n")[0]!)).toEqual({
    time: "2026-01-01T00:00:00.001000000Z",
    node: "node1",
    pod: "runtime-node1",
    namespace: "default",
    app: "hello",
    stream: "stdout",
    msg: "one",
  });
});

test("kubectl wasmlet logs: who may not read the runtimes' logs is told which right is missing", async () => {
  const app = servingApp();
  await using plugin = await serve({
    [`${APPS}/hello`]: object(app),
    [REPLICAS]: list(replicaOf(app, "node1")),
    [PODS]: (response) => sendStatus(response, 403, "Forbidden"),
    "GET /api/v1/namespaces/wasmlet-system/pods": (response) => sendStatus(response, 403, "Forbidden"),
    [podLog("runtime-node1")]: (response) => sendStatus(response, 403, "Forbidden"),
  });
  const { status, stderr } = await plugin.run("logs", "hello");
  expect(status).toBe(1);
  expect(stderr).toContain("error: KUBE_FORBIDDEN: get pods/log wasmlet-system/runtime-node1");
  expect(stderr).toContain("expected: `get` of `pods/log` in the namespace wasmlet-system");
});

test("kubectl wasmlet logs -f: goes on where a connection broke, and in the pod that takes another's place", async () => {
  const app = servingApp();
  let replicas = [replicaOf(app, "node1", { podName: "old" })];
  const watches: ServerResponse[] = [];
  let oldReads = 0;
  await using plugin = await serve({
    [`${APPS}/hello`]: object(app),
    [REPLICAS]: (response) => list(...replicas)(response, new URL("http://api")),
    [`${REPLICAS} watch`]: (response) => {
      response.flushHeaders();
      watches.push(response);
    },
    [PODS]: list(runtimePod("node1", "old")),
    [podLog("old")]: (response, url) => {
      if (!url.searchParams.has("follow")) {
        response.end(logLine(1000, "past"));
        return;
      }
      // From a whole second on: what was read of it comes again.
      expect(url.searchParams.get("sinceTime")).toBe("2026-01-01T00:00:01Z");
      response.write(logLine(1000, "past") + logLine(1000, "same time") + logLine(1001, "late"));
      // Once cut off within a line, then ended in good order once the new pod has taken over.
      if (oldReads++ === 0) setTimeout(() => response.destroy(), 50);
      else {
        response.write(logLine(1002, "last of old"));
        const replaced = { ...replicaOf(app, "node1", { podName: "new" }) };
        replaced.metadata.resourceVersion = "11";
        replicas = [replaced];
        sendEvent(watches.at(-1)!, "MODIFIED", replaced);
        setTimeout(() => response.end(), 50);
      }
    },
    [podLog("new")]: (response) => response.write(logLine(2000, "in the new pod")),
  });
  const child = spawn(process.execPath, [LAUNCHER, "logs", "hello", "-f"], { env: plugin.environment });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  const exit = new Promise<number | null>((resolve) => child.on("exit", resolve));
  try {
    await vi.waitFor(() => expect(stdout).toContain("in the new pod"), { timeout: 20_000 });
    child.kill("SIGINT");
    expect(await exit).toBe(130);
  } finally {
    child.kill("SIGKILL");
  }
  expect(stripVTControlCharacters(stdout)).toBe("past\nsame time\nlate\nlast of old\nin the new pod\n");
  expect(stderr).toMatch(/^node1: .*it is tried again\n$/);
});

test("kubectl wasmlet restart: sets the annotation, of all apps that are named or of none", async () => {
  await using plugin = await serve({
    [`${APPS}/hello`]: object(servingApp()),
    [`PATCH ${GROUP}/wasmapps/hello`]: object(servingApp()),
  });
  expect((await plugin.run("restart", "hello", "hallo")).status).toBe(1);
  expect(plugin.server.bodies).toEqual([]);
  const { status, stdout } = await plugin.run("restart", "hello");
  expect([status, stdout]).toEqual([
    0,
    "hello restarts; watch it with: kubectl wasmlet rollout status hello -n default\n",
  ]);
  const restartedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(plugin.server.bodies).toEqual([{ metadata: { annotations: { "wasmlet.dev/restarted-at": restartedAt } } }]);
});

function rollingOut(reason: string, version: string, message = reason): KubeObject {
  const status = reason === "RollingOut" ? "True" : "False";
  const app = servingApp({}, { conditions: [condition("Progressing", status, reason, message)] });
  return { ...app, metadata: { ...app.metadata, resourceVersion: version } };
}

test.each([
  ["UpToDate", 0, "hello: 1 of 2\nhello: done\n", ""],
  ["ProgressDeadlineExceeded", 1, "hello: 1 of 2\n", "error: ROLLOUT_FAILED: hello: ProgressDeadlineExceeded: done\n"],
])(
  "kubectl wasmlet rollout status: waits until it is %s, over a broken watch, and exits with %i",
  async (reason, code, out, err) => {
    let watches = 0;
    await using plugin = await serve({
      [`${APPS}/hello`]: object(rollingOut("RollingOut", "7", "1 of 2")),
      [APPS]: list(rollingOut("RollingOut", "7", "1 of 2")),
      [`${APPS} watch`]: (response, url) => {
        expect(url.searchParams.get("fieldSelector")).toBe("metadata.name=hello");
        if (watches++ === 0) response.destroy();
        else sendEvent(response, "MODIFIED", rollingOut(reason, "12", "done"));
      },
    });
    const { status, stdout, stderr } = await plugin.run("rollout", "status", "hello");
    expect([status, stdout]).toEqual([code, out]);
    expect(stderr.startsWith(err)).toBe(true);
  },
);

test("kubectl wasmlet rollout status: gives up when its time is over, and looks once where it is not to wait", async () => {
  await using plugin = await serve({
    [`${APPS}/hello`]: object(rollingOut("RollingOut", "7", "1 of 2")),
    [APPS]: list(rollingOut("RollingOut", "7", "1 of 2")),
    [`${APPS} watch`]: (response) => response.flushHeaders(),
  });
  const late = await plugin.run("rollout", "status", "hello", "--timeout", "300ms");
  expect([late.status, late.stderr]).toEqual([
    1,
    expect.stringContaining("error: ROLLOUT_TIMEOUT: hello: not rolled out after 0.3 s: 1 of 2\n"),
  ]);
  const once = await plugin.run("rollout", "status", "hello", "--watch=false");
  expect([once.status, once.stdout]).toEqual([0, "hello: 1 of 2\n"]);
});

test("kubectl wasmlet rollout history and undo: back to the image that ran, by its digest", async () => {
  const app = servingApp();
  let conflicts = 1;
  await using plugin = await serve({
    [`${APPS}/hello`]: object(app),
    [REPLICAS]: list(replicaOf(app, "node1")),
    [RECORDS]: list(recordOf(app, 1)),
    [`PATCH ${GROUP}/wasmapps/hello`]: (response, url) => {
      if (conflicts-- > 0) return sendStatus(response, 409, "Conflict");
      const source = { oci: { image: pinned("1") } };
      sendJson(response, { ...app, spec: { ...app.spec, source }, dryRun: url.searchParams.get("dryRun") });
    },
  });
  const history = await plugin.run("rollout", "history", "hello");
  expect(history.stdout).toMatch(
    /^REVISION {3}STATE {5}NODES {3}REPLACED {3}IMAGE\n1 {10}- {9}0 {7}\d+d {7}example.com\/hello:1@/,
  );
  expect(history.stdout).toMatch(/\n2 {10}current {3}1 {7}- {10}example.com\/hello:2@.*\n$/);
  const dry = await plugin.run("rollout", "undo", "hello", "--dry-run=client");
  expect(dry.stdout).toBe(
    `- spec.source.oci.image: "example.com/hello:2"\n+ spec.source.oci.image: "${pinned("1")}"\n` +
      "hello goes back to revision 1 (client dry run)\n",
  );
  expect(plugin.server.bodies).toEqual([]);
  const done = await plugin.run("rollout", "undo", "hello", "--to-revision", "1");
  expect([done.status, done.stdout]).toEqual([
    0,
    expect.stringMatching(/^hello goes back to revision 1\nwatch it with: /),
  ]);
  expect(done.stderr).toContain(`note: the image is pinned to ${pinned("1")}`);
  expect(plugin.server.bodies).toHaveLength(2);
  expect(plugin.server.bodies[1]).toEqual({
    spec: { source: { oci: { image: pinned("1") } } },
    metadata: { resourceVersion: "7" },
  });
  await plugin.run("rollout", "undo", "hello", "--dry-run=server");
  expect(plugin.server.requests.at(-1)).toContain("dryRun=All");
});

test("kubectl wasmlet top: rates by two looks at the metrics, and which node gives none", async () => {
  const metrics = "GET /api/v1/namespaces/wasmlet-system/pods/runtime-node1:9464/proxy/metrics";
  let looks = 0;
  await using plugin = await serve({
    [PODS]: list(runtimePod("node1"), runtimePod("node2"), runtimePod("node3")),
    [metrics.replace("node1", "node3")]: (response) => response.writeHead(403).end("not by the API server"),
    [metrics]: (response) =>
      response.end(
        `wasmlet_requests_total{namespace="default",app="hello",code="2xx",start="warm"} ${looks++ * 1000}\n` +
          'wasmlet_app_memory_bytes{namespace="default",app="hello"} 1048576\n',
      ),
  });
  const { status, stdout, stderr } = await plugin.run("top", "--interval", "500ms");
  expect(stdout).toMatch(
    /^APP {5}REQ\/S .*\nhello {3}\d{3,4} .* 1Mi .*\n\n1 node, all namespaces: \d+ req\/s, 0m CPU, 1Mi in /,
  );
  expect(stderr.split("\n").toSorted()).toEqual([
    "",
    expect.stringMatching(/^node2: no metrics: /),
    expect.stringMatching(/^node3: no metrics: .*not by the API server$/),
  ]);
  expect(status).toBe(0);
});
