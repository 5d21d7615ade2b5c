import { afterAll, afterEach, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, metric } from "./harness.ts";
import { peakResidentBytes, serve, type ServedRuntime } from "./served-runtime.ts";

const MIB = 1024 * 1024;
const LINES = 100_000;
const BYTES_PER_LINE = 10_000;
/** What a supervisor and a cell may take at most: a part of what is printed, whatever the collector leaves lying. */
const MAX_GROWTH_BYTES = 256 * MIB;
const MAX_CELL_GROWTH_BYTES = 512 * MIB;

const cache = makeTemporaryFolder();
let runtime: ServedRuntime | undefined;

afterEach(async () => {
  await runtime?.remove();
  runtime = undefined;
});

afterAll(() => cache.remove());

test("contract: a guest that prints 1 GB costs bounded memory, and its neighbours answer meanwhile", async () => {
  const printer = appManifest("printer", guestFile("probe"), { spec: { limits: { requestTimeoutSeconds: 300 } } });
  runtime = await serve([printer, appManifest("probe", guestFile("probe"))], cache.path, ["--cells", "1"]);
  const [url, probe] = [await runtime.urlOf("printer"), await runtime.urlOf("probe")];
  // What a first request takes is not the flood's.
  for (const app of [url, probe]) await get(`${app}/hello`);
  const pids = [runtime.pid, ...runtime.children()];
  expect(pids).toHaveLength(2);
  const before = pids.map(peakResidentBytes);
  const flood = { isOver: false };
  const printed = get(`${url}/print?lines=${LINES}&bytes=${BYTES_PER_LINE}`).finally(() => (flood.isOver = true));
  let answers = 0;
  for (; !flood.isOver; answers++) {
    expect((await get(`${probe}/sleep?ms=20`)).status).toBe(200);
  }
  expect((await printed).body).toBe(`ok: ${LINES * (BYTES_PER_LINE + 1)} bytes\n`);
  // Whoever waits for the end of the flood gets one answer, or two.
  expect(answers).toBeGreaterThan(20);
  const [supervisor, cell] = pids.map((pid, index) => peakResidentBytes(pid) - (before[index] ?? 0));
  expect(supervisor).toBeLessThan(MAX_GROWTH_BYTES);
  expect(cell).toBeLessThan(MAX_CELL_GROWTH_BYTES);
  const served = runtime;
  const dropped = (): Promise<number | undefined> => metric(served, "wasmlet_log_lines_dropped_total", 'app="printer"');
  while (((await dropped()) ?? 0) === 0);
  expect(await dropped()).toBeLessThan(LINES);
});
