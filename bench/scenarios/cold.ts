import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { startPeers } from "../http-arms.ts";
import { HttpConnection } from "../../startup/http-connection.ts";
import type { Effort } from "../options.ts";
import { WORKERD_LOADER } from "../peers/workerd.ts";
import { cpuSecondsBetween, readCpu } from "../../startup/process-stats.ts";
import { guestFile, type RuntimeUnderTest, startRuntimeUnderTest } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * The first request of an app that was scaled to zero, against the next one: cold, warm, cold, warm. Several apps of each
 * guest idle at the same time, until the runtime reports no instance, and are woken one after another; its own count of
 * cold requests confirms each of them. Connections stay open, so that connecting is in neither arm.
 */

const GUESTS = ["hello-rust", "hello-c"] as const;
const APPS = 5;
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

/** What can be asked over one open connection. */
interface Target {
  connection: HttpConnection;
  pids: readonly number[];
}

/** Measures first requests after scale to zero and the ones after them; throws when one was not cold in truth. */
export async function measureCold({ coldRounds }: Effort): Promise<Findings> {
  const names = GUESTS.flatMap((guest) =>
    Array.from({ length: APPS }, (_, app) => ({ guest, name: nameOf(guest, app) })),
  );
  const runtime = await startRuntimeUnderTest(
    names.map(({ guest, name }) => ({ name, file: guestFile(guest), reuse: "Request", idleSeconds: IDLE_SECONDS })),
  );
  const peers = await startPeers([WORKERD_LOADER], "", "");
  const targets = new Map<string, Target>();
  const open = async (name: string, url: string, pids: readonly number[]): Promise<void> =>
    void targets.set(name, { connection: await HttpConnection.open(url), pids });
  try {
    for (const { name } of names) await open(name, runtime.urlOf(name), runtime.cellPids);
    const [loader] = peers.arms;
    if (loader !== undefined) await open(ISOLATE_ARM, `${loader.url}new`, loader.pids);
    // The first requests of the process load the engine's own code: they are no measure of the wake-up.
    for (const { connection } of targets.values()) await connection.get();
    await delay(REPORT_MS);
    const before = await runtime.countColdRequests();
    const samples: Sample[] = [];
    for (let round = 0; round < coldRounds; round++) {
      await awaitZero(runtime);
      samples.push(...(await measureRound(round, targets)));
    }
    await delay(REPORT_MS);
    const confirmed = (await runtime.countColdRequests()) - before;
    const expected = coldRounds * names.length;
    if (confirmed !== expected) throw new Error(`expected ${expected} cold requests, the runtime counted ${confirmed}`);
    return { samples, notes: peers.notes };
  } finally {
    for (const { connection } of targets.values()) connection.close();
    await peers.stop();
    await runtime.stop();
  }
}

function nameOf(guest: string, app: number): string {
  return `${guest}-${app}`;
}

async function awaitZero(runtime: RuntimeUnderTest): Promise<void> {
  const deadline = performance.now() + ZERO_TIMEOUT_MS;
  await delay(IDLE_SECONDS * 1000 + POLL_MS); // what is reported may be older than the last request
  while (runtime.instances() > 0) {
    if (performance.now() > deadline) throw new Error("the apps did not scale to zero");
    await delay(POLL_MS);
  }
}

/** Wakes every app once; the guests and workerd take turns. */
async function measureRound(round: number, targets: ReadonlyMap<string, Target>): Promise<Sample[]> {
  const samples = new Map<string, Sample>();
  const isolates = targets.get(ISOLATE_ARM);
  for (let app = 0; app < APPS; app++) {
    if (isolates !== undefined) await addRequest(samples, ISOLATE_ARM, round, isolates);
    for (const guest of GUESTS) {
      const target = targets.get(nameOf(guest, app))!;
      const { cold, warm } = coldArms(guest);
      await addRequest(samples, cold, round, target);
      await delay(SETTLE_MS);
      await addRequest(samples, warm, round, target);
    }
  }
  return [...samples.values()];
}

async function addRequest(
  samples: Map<string, Sample>,
  arm: string,
  round: number,
  { connection, pids }: Target,
): Promise<void> {
  const cpuBefore = readCpu(pids);
  const micros = await connection.time();
  const cpuSeconds = cpuSecondsBetween(cpuBefore, readCpu(pids));
  const { latenciesMicros: others, cpuSeconds: othersCpu, wallSeconds } = samples.get(arm) ?? NONE;
  samples.set(arm, {
    scenario: "first request",
    arm,
    round,
    requests: others.length + 1,
    wallSeconds: wallSeconds + micros / 1e6,
    cpuSeconds: cpuSeconds === null || othersCpu === null ? null : othersCpu + cpuSeconds,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros: [...others, micros],
  });
}

const NONE: Pick<Sample, "latenciesMicros" | "cpuSeconds" | "wallSeconds"> = {
  latenciesMicros: [],
  cpuSeconds: 0,
  wallSeconds: 0,
};
