import { copyFileSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  type Answer,
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  type Manifest,
  metric,
  read,
  repositoryFile,
  startTestRuntime,
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

test("contract: kill -9 of a cell fails only the requests inside it, and the cell is replaced", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache, { cells: 2 });
  const url = await urlOf(runtime, "probe");
  const killedRuntime = runtime;
  const held = await Promise.all(Array.from({ length: 40 }, () => HeldEcho.start(url)));
  const [killed, survivor] = runtime.childPids().cells;
  process.kill(killed ?? 0, "SIGKILL");
  const isReported = (): boolean => killedRuntime.lines.some(({ text }) => text.includes("was ended by SIGKILL"));
  while (!isReported()) await nextTurn();
  // The process is gone and its replacement is not there yet: every request must succeed nevertheless.
  for (let index = 0; index < 50; index++) expect((await get(`${url}/hello`)).status).toBe(200);
  const outcomes = await Promise.all(held.map((echo) => echo.finish()));
  const failed = outcomes.filter((outcome) => outcome === "cut").length;
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(40);
  expect(outcomes.filter((outcome) => outcome !== "cut").every((outcome) => outcome === "first last")).toBe(true);
  expect(await metric(runtime, "wasmlet_cell_restarts_total")).toBe(1);
  while ((await metric(runtime, "wasmlet_cells")) !== 2);
  expect(runtime.childPids().cells).toContain(survivor);
  expect(runtime.childPids().cells).not.toContain(killed);
});

test("contract: the only cell comes back after kill -9", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache);
  const url = await urlOf(runtime, "probe");
  for (let round = 1; round <= 3; round++) {
    const echo = await HeldEcho.start(url);
    process.kill(runtime.childPids().cells[0] ?? 0, "SIGKILL");
    expect(await echo.cut).toBe("cut");
    while ((await statusOrRefused(url)) !== 200);
    expect(await metric(runtime, "wasmlet_cell_restarts_total")).toBe(round);
  }
});

test("contract: a guest that computes past its deadline is stopped, and its neighbours in the cell notice nothing", async () => {
  runtime = await startTestRuntime(
    [
      appManifest("hasty", guestFile("probe"), { spec: { limits: { requestTimeoutSeconds: 1 } } }),
      appManifest("patient", guestFile("probe"), { spec: { limits: { requestTimeoutSeconds: 3600 } } }),
    ],
    cache,
  );
  const [hasty, patient] = [await urlOf(runtime, "hasty"), await urlOf(runtime, "patient")];
  const held = await HeldEcho.start(patient);
  const { status, headers } = await get(`${hasty}/loop`);
  expect([status, headers["x-wasmlet-error"]]).toEqual([504, "GUEST_TIMEOUT"]);
  expect(await held.finish()).toBe("first last");
  expect((await get(`${hasty}/hello`)).status).toBe(200);
  expect(await metric(runtime, "wasmlet_limit_hits_total", 'app="hasty",limit="request_timeout"')).toBe(1);
  expect((await metric(runtime, "wasmlet_cell_restarts_total")) ?? 0).toBe(0);
});

test("contract: a guest that cannot be stopped ends its cell by its own deadline, not by its neighbours'", async () => {
  runtime = await startTestRuntime(
    [
      // The general engine's guests have no checks.
      appManifest("hasty", guestFile("probe-p3"), { spec: { limits: { requestTimeoutSeconds: 1 } } }),
      appManifest("patient", guestFile("probe"), { spec: { limits: { requestTimeoutSeconds: 3600 } } }),
    ],
    cache,
  );
  const [hasty, patient] = [await urlOf(runtime, "hasty"), await urlOf(runtime, "patient")];
  await expect(get(`${hasty}/loop`)).rejects.toMatchObject({ code: "ECONNRESET" });
  while ((await statusOrRefused(patient)) !== 200);
  expect(await metric(runtime, "wasmlet_cell_restarts_total")).toBe(1);
});

test("contract: kill -9 of the preparer is said and recovered from", async () => {
  const emptyCache = mkdtempSync(join(temporary.path, "cache-"));
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], emptyCache);
  while (runtime.childPids().preparers.length === 0) await nextTurn();
  const backsOff = untilApp(runtime, "probe", "BackOff");
  for (const pid of runtime.childPids().preparers) process.kill(pid, "SIGKILL");
  const { reason, message } = await backsOff;
  expect(reason).toBe("PREPARE_CRASHED");
  expect(message).toContain("SIGKILL");
  const url = await urlOf(runtime, "probe");
  expect((await get(`${url}/hello`)).status).toBe(200);
});

test.each([
  ["time", { maxSeconds: 0.001 }, "preparing took more than 0.001 seconds"],
  ["memory", { maxResidentBytes: 65_536 }, "preparing took more than 65536 bytes of memory"],
])("contract: an app whose artifact takes more %s to prepare than it may says so", async (_what, limits, message) => {
  const emptyCache = mkdtempSync(join(temporary.path, "cache-"));
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], emptyCache, { prepareLimits: limits });
  const app = await untilApp(runtime, "probe", "Failed");
  expect(app.reason).toBe("PREPARE_LIMIT");
  expect(app.message).toContain(message);
  expect(runtime.childPids().preparers).toEqual([]);
});

test("contract: a drain answers every accepted request before the runtime ends", async () => {
  const started = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache, { cells: 2 });
  const url = await urlOf(started, "probe");
  const held = await Promise.all(Array.from({ length: 20 }, () => HeldEcho.start(url)));
  const sleeping = Array.from({ length: 30 }, () => get(`${url}/sleep?ms=3000`));
  while (((await metric(started, "wasmlet_instances")) ?? 0) < 50);
  const stopped = started.stop(60_000);
  // No new connection is taken, while those that are there go on.
  while ((await statusOrRefused(url)) !== "ECONNREFUSED");
  for (const { status } of await Promise.all(sleeping)) expect(status).toBe(200);
  const outcomes = await Promise.all(held.map((echo) => echo.finish()));
  expect(outcomes).toEqual(Array.from({ length: 20 }, () => "first last"));
  await stopped;
  expect(started.childPids().cells).toEqual([]);
});

test("contract: connections that stay open are answered during a drain until they are told to close", async () => {
  const started = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache, { cells: 2 });
  const url = await urlOf(started, "probe");
  const firstAnswer = Promise.withResolvers<void>();
  // Each sends on its one connection until an answer says that it is the last.
  const clients = Array.from({ length: 32 }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (;;) {
      const { status, headers } = await get(`${url}/sleep?ms=20`, { agent });
      if (status !== 200 || headers.connection === "close") return status;
      firstAnswer.resolve();
    }
  });
  await firstAnswer.promise;
  const [statuses] = await Promise.all([Promise.all(clients), started.stop(60_000)]);
  expect(new Set(statuses)).toEqual(new Set([200]));
});

test("contract: a drain cuts what is not done when the grace is over", async () => {
  const started = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache);
  const echo = await HeldEcho.start(await urlOf(started, "probe"));
  await started.stop(1);
  expect(await echo.cut).toBe("cut");
});

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

/** A request that is inside the guest until the test ends it: its first chunk has come back. */
class HeldEcho {
  readonly #request: ClientRequest;
  readonly #answer: Promise<string>;
  /** Resolves to "cut" when the connection breaks; stays open otherwise. */
  readonly cut: Promise<"cut">;

  private constructor(request: ClientRequest, response: IncomingMessage, first: string) {
    this.#request = request;
    this.#answer = read(response).then(
      ({ body }) => first + body,
      () => "cut",
    );
    const { promise, resolve } = Promise.withResolvers<"cut">();
    this.cut = promise;
    void this.#answer.then((answer) => answer === "cut" && resolve("cut"));
  }

  static async start(url: string): Promise<HeldEcho> {
    const request = httpRequest(`${url}/echo`, { agent: false, method: "POST" });
    request.write("first ");
    const [response] = (await once(request, "response")) as [IncomingMessage];
    request.on("error", () => {}); // the answer's reading reports it
    await once(response, "readable");
    return new HeldEcho(request, response, String(response.read()));
  }

  /** Sends the rest; resolves to all that came back, or to "cut". */
  finish(): Promise<string> {
    this.#request.end("last");
    return this.#answer;
  }
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

/** The status of a new request, or the code of the error that the client sees. */
async function statusOrRefused(url: string): Promise<number | string | undefined> {
  try {
    return (await get(`${url}/hello`)).status;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code;
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
