import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { HttpConnection } from "../../startup/http-connection.ts";
import type { Effort } from "../options.ts";
import { guestFile, startRuntimeUnderTest, testGuestFile } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * An app that loops for ever, and its neighbour in the same cell. The runaway has to be answered with 504 soon after its
 * deadline; the neighbour, whose requests wait meanwhile, is to notice nothing but that.
 */

const TIMEOUT_SECONDS = 1;
const NEIGHBOUR_CONNECTIONS = 4;
/** How long the neighbour alone is asked, before the runaway and after it. */
const ALONE_MS = 100;
const RETRY_MS = 20;
/** What the runtime says of every runaway. */
const EXPECTED = /^GUEST_TIMEOUT: /;

/** The arms' names in samples and goals: how long after its deadline the one is answered, and what the other takes. */
export const RUNAWAY_ARMS = { runaway: "runaway, past its deadline", neighbour: "its neighbour" } as const;

const KEPT = { reuse: "Request", idleSeconds: 600 } as const;

/** Measures runaway requests, with requests to a neighbour under way all the time. */
export async function measureRunaway({ runawayRounds }: Effort): Promise<Findings> {
  const runtime = await startRuntimeUnderTest(
    [
      { ...KEPT, name: "runaway", file: testGuestFile("probe"), requestTimeoutSeconds: TIMEOUT_SECONDS },
      { ...KEPT, name: "neighbour", file: guestFile("hello-rust") },
    ],
    EXPECTED,
  );
  const samples: Sample[] = [];
  let failedNeighbourRequests = 0;
  try {
    const [runaway, neighbour] = [runtime.urlOf("runaway"), runtime.urlOf("neighbour")];
    await HttpConnection.getOnce(new URL("/hello", runaway).href);
    for (let round = 0; round < runawayRounds; round++) {
      const begin = performance.now();
      const { lateMicros, neighbours } = await measureRound(new URL("/loop", runaway).href, neighbour);
      const seconds = (performance.now() - begin) / 1000;
      samples.push(sampleOf(RUNAWAY_ARMS.runaway, round, seconds, [lateMicros]));
      samples.push(sampleOf(RUNAWAY_ARMS.neighbour, round, seconds, neighbours.latencies));
      failedNeighbourRequests += neighbours.failed;
    }
  } finally {
    await runtime.stop();
  }
  return { samples, notes: [], figures: { failedNeighbourRequests } };
}

interface NeighbourRequests {
  latencies: number[];
  failed: number;
}

async function measureRound(
  runaway: string,
  neighbour: string,
): Promise<{ lateMicros: number; neighbours: NeighbourRequests }> {
  const over = new AbortController();
  const asking = Promise.all(Array.from({ length: NEIGHBOUR_CONNECTIONS }, () => askUntil(over.signal, neighbour)));
  try {
    await delay(ALONE_MS);
    const lateMicros = await timeRunaway(runaway);
    await delay(ALONE_MS);
    over.abort();
    const asked = await asking;
    const latencies = asked.flatMap((one) => one.latencies);
    return { lateMicros, neighbours: { latencies, failed: asked.reduce((sum, { failed }) => sum + failed, 0) } };
  } finally {
    over.abort();
    await asking;
  }
}

/** Resolves to the microseconds from the deadline to the answer; rejects unless that is a 504. */
async function timeRunaway(url: string): Promise<number> {
  const connection = await HttpConnection.open(url);
  try {
    const begin = performance.now();
    const answer = await connection.exchange();
    const micros = (performance.now() - begin) * 1000;
    if (!answer.startsWith("HTTP/1.1 504 ")) throw new Error(`expected 504, got ${answer.slice(0, 200)}`);
    return Math.round(micros - TIMEOUT_SECONDS * 1e6);
  } finally {
    connection.close();
  }
}

/** Sends one request after another; one that is not answered with 200 has failed. */
async function askUntil(over: AbortSignal, url: string): Promise<NeighbourRequests> {
  const requests: NeighbourRequests = { latencies: [], failed: 0 };
  let connection: HttpConnection | undefined;
  while (!over.aborted) {
    try {
      connection ??= await HttpConnection.open(url);
      requests.latencies.push(await connection.time());
    } catch {
      requests.failed++;
      connection?.close();
      connection = undefined;
      await delay(RETRY_MS);
    }
  }
  connection?.close();
  return requests;
}

function sampleOf(arm: string, round: number, wallSeconds: number, latenciesMicros: number[]): Sample {
  return {
    scenario: "runaway",
    arm,
    round,
    requests: latenciesMicros.length,
    wallSeconds,
    cpuSeconds: null,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros,
  };
}
