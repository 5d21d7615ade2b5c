import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { HttpConnection } from "../../startup/http-connection.ts";
import type { Effort } from "../options.ts";
import { guestFile, startRuntimeUnderTest, type RuntimeUnderTest } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * The only cell of two apps is killed while clients ask one of them all the time and a spare stands by. What counts is the
 * time from the kill until the other one answers on a new connection: dying, being noticed, the spare getting both apps.
 */

const CONNECTIONS = 4;
/** Between two tries of a client that was refused, and of the one that measures. */
const RETRY_MS = 20;
const TRY_MS = 1;
const POLL_MS = 20;
/** Between an answer and the next kill: a cell that dies sooner is taken for one that cannot serve. */
const SETTLE_MS = 1100;
const READY_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** What the runtime says of every kill. */
const EXPECTED = /^a cell was ended by SIGKILL/;

/** The arm's name in samples and goals. */
export const LAST_RESORT_ARM = "killed cell, to its app's next answer";

const KEPT = { reuse: "Request", idleSeconds: 600 } as const;

/** Kills cells under load, with a spare ready each time. */
export async function measureLastResort({ killRounds }: Effort): Promise<Findings> {
  const apps = [
    { ...KEPT, name: "asked", file: guestFile("hello-rust") },
    { ...KEPT, name: "loaded", file: guestFile("hello-c") },
  ];
  const runtime = await startRuntimeUnderTest(apps, EXPECTED, 1);
  const over = new AbortController();
  const load = Promise.all(Array.from({ length: CONNECTIONS }, () => askUntil(over.signal, runtime.urlOf("loaded"))));
  const samples: Sample[] = [];
  try {
    for (let round = 0; round < killRounds; round++) {
      await untilSpareIsReady(runtime);
      const begin = performance.now();
      for (const pid of runtime.cellPids) process.kill(pid, "SIGKILL");
      await untilAnswered(runtime.urlOf("asked"), begin);
      samples.push(sampleOf(round, performance.now() - begin));
      await delay(SETTLE_MS);
    }
  } finally {
    over.abort();
    await load;
    await runtime.stop();
  }
  return { samples, notes: [] };
}

async function untilSpareIsReady(runtime: RuntimeUnderTest): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while ((await runtime.countSpares()) < 1) {
    if (performance.now() > deadline) throw new Error(`no spare cell after ${READY_TIMEOUT_MS / 1000} s`);
    await delay(POLL_MS);
  }
}

async function untilAnswered(url: string, begin: number): Promise<void> {
  while (!(await answers(url))) {
    if (performance.now() - begin > ANSWER_TIMEOUT_MS) throw new Error(`no answer ${ANSWER_TIMEOUT_MS / 1000} s later`);
    await delay(TRY_MS);
  }
}

async function answers(url: string): Promise<boolean> {
  return HttpConnection.getOnce(url).then(
    () => true,
    () => false,
  );
}

/** Sends one request after another, on a new connection where the one before was cut. */
async function askUntil(over: AbortSignal, url: string): Promise<void> {
  let connection: HttpConnection | undefined;
  while (!over.aborted) {
    try {
      connection ??= await HttpConnection.open(url);
      await connection.time();
    } catch {
      connection?.close();
      connection = undefined;
      await delay(RETRY_MS);
    }
  }
  connection?.close();
}

function sampleOf(round: number, milliseconds: number): Sample {
  return {
    scenario: "last resort",
    arm: LAST_RESORT_ARM,
    round,
    requests: 1,
    wallSeconds: milliseconds / 1000,
    cpuSeconds: null,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros: [Math.round(milliseconds * 1000)],
  };
}
