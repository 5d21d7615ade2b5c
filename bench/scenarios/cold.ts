import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { startPeers } from "../http-arms.ts";
import { HttpConnection } from "../http-connection.ts";
import type { Effort } from "../options.ts";
import { WORKERD_LOADER } from "../peers/workerd.ts";
import { cpuSecondsBetween, readCpu } from "../process-cpu.ts";
import { guestFile, type RuntimeUnderTest, startRuntimeUnderTest } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * The first request of an app that was scaled to zero, against the next one: cold, warm, cold, warm. Between rounds the app
 * idles until the runtime reports no instance; its own count of cold requests confirms each cold sample. The connection
 * stays open, so that connecting is in neither arm.
 */

const GUESTS = ["hello-rust", "hello-c"] as const;
const IDLE_SECONDS = 1;
const POLL_MS = 100;
const SETTLE_MS = 20;
const ZERO_TIMEOUT_MS = 20_000;
/** The cell reports its counters once a second. */
const REPORT_MS = 1500;

/** The arm of workerd: a request to an isolate that has never existed, through its experimental worker loader. */
export const ISOLATE_ARM = "workerd, new isolate";

/** The guests that are measured. */
export const COLD_GUESTS: readonly string[] = GUESTS;

/** The names of a guest's arms in samples and goals. */
export function coldArms(guest: string): { cold: string; warm: string } {
  return { cold: `${guest}, cold`, warm: `${guest}, warm` };
}

/** Measures first requests after scale to zero and the ones after them; throws when one was not cold in truth. */
export async function measureCold({ coldRounds }: Effort): Promise<Findings> {
  const runtime = await startRuntimeUnderTest(
    GUESTS.map((guest) => ({ name: guest, file: guestFile(guest), reuse: "Request", idleSeconds: IDLE_SECONDS })),
  );
  const connections = new Map<string, HttpConnection>();
  const peers = await startPeers([WORKERD_LOADER], "", "");
  try {
    for (const guest of GUESTS) connections.set(guest, await HttpConnection.open(runtime.urlOf(guest)));
    // The first requests of the process load the engine's own code: they are no measure of the wake-up.
    for (const connection of connections.values()) await connection.get();
    const [loader] = peers.arms;
    const isolates = loader === undefined ? undefined : await HttpConnection.open(`${loader.url}new`);
    if (isolates !== undefined) connections.set(ISOLATE_ARM, isolates);
    await isolates?.get();
    await delay(REPORT_MS);
    const before = await runtime.countColdRequests();
    const samples: Sample[] = [];
    for (let round = 0; round < coldRounds; round++) {
      await awaitZero(runtime);
      if (isolates !== undefined && loader !== undefined) {
        samples.push(await measureOne(ISOLATE_ARM, isolates, round, { cellPids: loader.pids }));
      }
      for (const guest of GUESTS) {
        const connection = connections.get(guest)!;
        const { cold, warm } = coldArms(guest);
        samples.push(await measureOne(cold, connection, round, runtime));
        await delay(SETTLE_MS);
        samples.push(await measureOne(warm, connection, round, runtime));
      }
    }
    await delay(REPORT_MS);
    const confirmed = (await runtime.countColdRequests()) - before;
    const expected = coldRounds * GUESTS.length;
    if (confirmed !== expected) throw new Error(`expected ${expected} cold requests, the runtime counted ${confirmed}`);
    return { samples, notes: peers.notes };
  } finally {
    for (const connection of connections.values()) connection.close();
    await peers.stop();
    await runtime.stop();
  }
}

async function awaitZero(runtime: RuntimeUnderTest): Promise<void> {
  const deadline = performance.now() + ZERO_TIMEOUT_MS;
  await delay(IDLE_SECONDS * 1000 + POLL_MS); // what is reported may be older than the last request
  while (runtime.instances() > 0) {
    if (performance.now() > deadline) throw new Error("the apps did not scale to zero");
    await delay(POLL_MS);
  }
}

async function measureOne(
  arm: string,
  connection: HttpConnection,
  round: number,
  { cellPids }: Pick<RuntimeUnderTest, "cellPids">,
): Promise<Sample> {
  const cpuBefore = readCpu(cellPids);
  const micros = await connection.time();
  const cpuSeconds = cpuSecondsBetween(cpuBefore, readCpu(cellPids));
  return {
    scenario: "first request",
    arm,
    round,
    requests: 1,
    wallSeconds: micros / 1e6,
    cpuSeconds,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros: [micros],
  };
}
