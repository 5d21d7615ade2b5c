import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  startTestRuntime,
  statusOrRefused,
  type TestRuntime,
  untilApp,
  urlOf,
} from "./harness.ts";
import { buildGuest } from "./hostile/guest-text.ts";
import { ENDLESS_WITHOUT_CHECKS } from "./odd-guests.ts";

/* What becomes of cells that die or stand still, and of the apps that end them. */

const temporary = makeTemporaryFolder();
const cache = join(temporary.path, "cache");
const PATIENT = { spec: { limits: { requestTimeoutSeconds: 3600 } } };
let runtime: TestRuntime | undefined;

afterEach(async () => {
  await runtime?.stop(0);
  runtime = undefined;
});

afterAll(() => temporary.remove());

test("contract: a cell that dies is replaced by one that stood by, and another stands by then", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache, { spareCells: 1 });
  const url = await urlOf(runtime, "probe");
  for (let round = 1; round <= 3; round++) {
    while ((await metric(runtime, "wasmlet_spare_cells")) !== 1);
    const { cells, spares } = runtime.childPids();
    process.kill(cells[0]!, "SIGKILL");
    while ((await metric(runtime, "wasmlet_cell_replacement_seconds_count")) !== round);
    expect(runtime.childPids().cells).toEqual(spares);
    expect((await get(`${url}/hello`)).status).toBe(200);
  }
  expect(await metric(runtime, "wasmlet_cells")).toBe(1);
  expect(await metric(runtime, "wasmlet_cells_taken_total", 'from="spare"')).toBe(4);
});

test("contract: a spare that dies is replaced, and nobody else notices", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache, { spareCells: 1 });
  const url = await urlOf(runtime, "probe");
  while ((await metric(runtime, "wasmlet_spare_cells")) !== 1);
  const [spare] = runtime.childPids().spares;
  process.kill(spare!, "SIGKILL");
  while (runtime.childPids().spares.includes(spare!)) await nextTurn();
  while ((await metric(runtime, "wasmlet_spare_cells")) !== 1);
  expect((await get(`${url}/hello`)).status).toBe(200);
  expect((await metric(runtime, "wasmlet_cell_restarts_total")) ?? 0).toBe(0);
});

test("contract: a cell that stands still is killed and replaced long before a request would time out, and blames nobody", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"), PATIENT)], cache, { spareCells: 1 });
  const url = await urlOf(runtime, "probe");
  const computing = get(`${url}/loop`).catch(({ code }: NodeJS.ErrnoException) => code);
  await untilComputing(runtime.childPids().cells[0]!);
  process.kill(runtime.childPids().cells[0]!, "SIGSTOP");
  expect(await computing).toBe("ECONNRESET");
  while ((await statusOrRefused(url)) !== 200);
  expect(runtime.lines.map(({ text }) => text)).toContain("a cell gave no sign of life and was killed; it is replaced");
  expect(await metric(runtime, "wasmlet_app_cells_ended_total")).toBeUndefined();
});

test("contract: a guest that computes within its deadline is left alone", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"), PATIENT)], cache);
  const url = await urlOf(runtime, "probe");
  const [cell] = runtime.childPids().cells;
  const computing = get(`${url}/loop`).catch(({ code }: NodeJS.ErrnoException) => code);
  await untilComputing(cell!, 150);
  expect(runtime.childPids().cells).toEqual([cell]);
  expect((await metric(runtime, "wasmlet_cell_restarts_total")) ?? 0).toBe(0);
  process.kill(cell!, "SIGKILL");
  expect(await computing).toBe("ECONNRESET");
});

test("contract: an app that ends cells repeatedly is found, starts again alone and later, and its neighbours stay", async () => {
  const apps = [appManifest("crasher", guestFile("probe"), PATIENT), appManifest("neighbour", guestFile("probe"))];
  runtime = await startTestRuntime(apps, cache, { spareCells: 1 });
  const neighbour = await urlOf(runtime, "neighbour");
  const crash = async (): Promise<void> => {
    const url = await urlOf(runtime!, "crasher");
    while ((await statusOrRefused(url)) !== 200);
    // As V8 ends the process for a defect that a guest finds in it.
    const [cell] = runtime!.childPids().cells.toReversed();
    const computing = get(`${url}/loop`).catch(({ code }: NodeJS.ErrnoException) => code);
    await untilComputing(cell!);
    process.kill(cell!, "SIGSEGV");
    expect(await computing).toBe("ECONNRESET");
  };
  for (let death = 1; death <= 3; death++) await crash();
  const { reason, urls, conditions } = await untilApp(runtime, "crasher", "BackOff");
  expect([reason, urls]).toEqual(["APP_QUARANTINED", []]);
  expect(conditions.find(({ type }) => type === "Quarantined")?.status).toBe("True");
  expect(await metric(runtime, "wasmlet_app_cells_ended_total", 'app="crasher"')).toBe(3);
  expect(await metric(runtime, "wasmlet_app_cells_ended_total", 'app="neighbour"')).toBeUndefined();
  while ((await statusOrRefused(neighbour)) !== 200);
  const [shared] = runtime.childPids().cells;
  // It is back, in a cell of its own, and what it does there is nobody else's loss.
  await urlOf(runtime, "crasher");
  expect(runtime.childPids().cells[0]).toBe(shared);
  expect(runtime.childPids().cells).toHaveLength(2);
  await crash();
  expect((await untilApp(runtime, "crasher", "BackOff")).message).toContain("ended 4 cells; it starts again in 20 s");
  while (runtime.childPids().cells.length > 1) await nextTurn();
  expect(runtime.childPids().cells).toEqual([shared]);
  expect(await statusOrRefused(neighbour)).toBe(200);
  // Another manifest is another program: it starts at once, among the others.
  runtime.write("apps.yaml", appManifest("crasher", guestFile("probe")), appManifest("neighbour", guestFile("probe")));
  expect(await statusOrRefused(await urlOf(runtime, "crasher"))).toBe(200);
  expect(runtime.childPids().cells).toEqual([shared]);
});

test("contract: a guest that nothing stops is told apart by the cell that it ends", async () => {
  const file = join(temporary.path, "endless.wasm");
  writeFileSync(file, await parse(ENDLESS_WITHOUT_CHECKS));
  const spec = { limits: { requestTimeoutSeconds: 1 } };
  runtime = await startTestRuntime([appManifest("endless", file, { spec })], cache);
  const url = await urlOf(runtime, "endless");
  await expect(get(`${url}/loop`)).rejects.toMatchObject({ code: "ECONNRESET" });
  while ((await metric(runtime, "wasmlet_app_cells_ended_total", 'app="endless"')) !== 1);
  const said = runtime.lines.map(({ text }) => text);
  expect(said).toContain("a cell was ended by SIGKILL (9); default/endless had its thread; it is replaced");
});

test("contract: a guest that fills the heap of its cell is known when V8 ends the process", async () => {
  const file = join(temporary.path, "full.wasm");
  writeFileSync(
    file,
    await buildGuest({
      types: "(type $block (array (mut i64))) (type $list (struct (field (ref null $block)) (field (ref null $list))))",
      definitions: "(global $all (mut (ref null $list)) (ref.null $list))",
      handle: `(loop $again
        (global.set $all (struct.new $list (array.new_default $block (i32.const 100000)) (global.get $all))) (br $again))`,
    }),
  );
  runtime = await startTestRuntime([appManifest("full", file, PATIENT)], cache, { spareCells: 1 });
  await expect(get(await urlOf(runtime, "full"))).rejects.toMatchObject({ code: "ECONNRESET" });
  while ((await metric(runtime, "wasmlet_app_cells_ended_total", 'app="full"')) !== 1);
  const said = runtime.lines.find(({ text }) => text.startsWith("a cell "))?.text;
  expect(said).toMatch(/FATAL ERROR.*heap.*; default\/full had its thread; it is replaced$/);
});

test("contract: while a cell of two dies again and again, every request on a new connection elsewhere is answered", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache, { cells: 2, spareCells: 1 });
  const url = await urlOf(runtime, "probe");
  for (let round = 1; round <= 5; round++) {
    process.kill(runtime.childPids().cells[0]!, "SIGKILL");
    while ((await metric(runtime, "wasmlet_cell_restarts_total")) !== round);
    for (let index = 0; index < 20; index++) expect((await get(`${url}/hello`)).status).toBe(200);
    while ((await metric(runtime, "wasmlet_cells")) !== 2);
  }
});

/** Resolves once a process has computed for some hundredths of a second. */
async function untilComputing(pid: number, hundredths = 10): Promise<void> {
  const before = cpuTicks(pid);
  while (cpuTicks(pid) < before + hundredths) await delay(10);
}

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return Number(user) + Number(system);
}
