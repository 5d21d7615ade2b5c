import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { mkdtempSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  read,
  statusOrRefused,
  startTestRuntime,
  type TestRuntime,
  untilApp,
  urlOf,
} from "./harness.ts";
import { ENDLESS_WITHOUT_CHECKS } from "./odd-guests.ts";

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

test.each([
  ["probe", "lean"],
  ["probe-p3", "jco"],
])(
  "contract: a guest that computes past its deadline is stopped, and its neighbours in the cell notice nothing: %s",
  async (guest, engine) => {
    runtime = await startTestRuntime(
      [
        appManifest("hasty", guestFile(guest), { spec: { limits: { requestTimeoutSeconds: 1 } } }),
        ...["probe", "probe-p3"].map((neighbour) =>
          appManifest(`patient-${neighbour}`, guestFile(neighbour), {
            spec: { limits: { requestTimeoutSeconds: 3600 } },
          }),
        ),
      ],
      cache,
    );
    const hasty = await urlOf(runtime, "hasty");
    expect((await untilApp(runtime, "hasty", "Ready")).engine).toBe(engine);
    const held = [
      await HeldEcho.start(await urlOf(runtime, "patient-probe")),
      await HeldEcho.start(await urlOf(runtime, "patient-probe-p3")),
    ];
    const { status, headers } = await get(`${hasty}/loop`);
    expect([status, headers["x-wasmlet-error"]]).toEqual([504, "GUEST_TIMEOUT"]);
    for (const echo of held) expect(await echo.finish()).toBe("first last");
    expect((await get(`${hasty}/hello`)).status).toBe(200);
    expect(await metric(runtime, "wasmlet_limit_hits_total", 'app="hasty",limit="request_timeout"')).toBe(1);
    expect((await metric(runtime, "wasmlet_cell_restarts_total")) ?? 0).toBe(0);
  },
);

test("contract: a guest that cannot be stopped has a cell of its own, which ends by its deadline and with the app", async () => {
  const file = join(temporary.path, "endless.wasm");
  writeFileSync(file, await parse(ENDLESS_WITHOUT_CHECKS));
  runtime = await startTestRuntime(
    [
      appManifest("hasty", file, { spec: { limits: { requestTimeoutSeconds: 1 } } }),
      appManifest("patient", guestFile("probe"), { spec: { limits: { requestTimeoutSeconds: 3600 } } }),
    ],
    cache,
  );
  const [hasty, patient] = [await urlOf(runtime, "hasty"), await urlOf(runtime, "patient")];
  expect(runtime.childPids().cells).toHaveLength(2);
  const held = await HeldEcho.start(patient);
  await expect(get(`${hasty}/loop`)).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(await statusOrRefused(patient)).toBe(200);
  expect(await held.finish()).toBe("first last");
  while ((await metric(runtime, "wasmlet_cell_restarts_total")) !== 1);
  runtime.write("apps.yaml", appManifest("patient", guestFile("probe")));
  while (runtime.childPids().cells.length > 1) await nextTurn();
  expect(await statusOrRefused(patient)).toBe(200);
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
