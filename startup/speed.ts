import { HttpConnection } from "./http-connection.ts";
import type { Attempt } from "./attempt.ts";
import type { Driver, Running } from "./driver.ts";
import type { Probe } from "./probe.ts";

/*
 * How fast the program computes once it runs, by CPU time: as a component beside the native binary, in turns. The first second
 * is told by itself: a component begins as code that was compiled in a hurry, and is compiled well while it runs.
 */

/** Work of one request: some tens of milliseconds. */
const ROUNDS = 10;
const FIRST_MS = 1000;
const WARM_BLOCKS = 5;
const BLOCK_REQUESTS = 10;

/** CPU seconds of one request. */
export interface Speed {
  contender: string;
  firstSecond: number;
  /** One for each block of requests once it was warm. */
  warm: number[];
}

/**
 * Measures contenders, those that tell their CPU time. The first one is what the others are compared with: where it fails, or
 * nobody else is left, nothing is told.
 */
export async function compareSpeed(
  drivers: readonly Driver[],
  probe: Probe,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<Speed[]> {
  const started: Running[] = [];
  const computing: { running: Running; speed: Speed }[] = [];
  try {
    for (const driver of drivers) {
      const contender = driver.contender.name;
      const begun = await attempt(contender, async () => {
        const running = await driver.start(probe);
        started.push(running);
        return { running, speed: { contender, firstSecond: await firstSecondOf(running, signal), warm: [] } };
      });
      if (begun !== undefined) computing.push(begun);
    }
    for (let block = 0; block < WARM_BLOCKS; block++) {
      for (const one of computing.slice()) {
        const { running, speed } = one;
        const seconds = await attempt(speed.contender, () => cpuPerRequest(running, BLOCK_REQUESTS, signal));
        if (seconds === undefined) computing.splice(computing.indexOf(one), 1);
        else speed.warm.push(seconds);
      }
    }
    const speeds = computing.map(({ speed }) => speed);
    return speeds.length > 1 && speeds[0]?.contender === drivers[0]?.contender.name ? speeds : [];
  } finally {
    await Promise.allSettled(started.map((running) => running.stop()));
  }
}

async function firstSecondOf(running: Running, signal: AbortSignal): Promise<number> {
  const beganMs = performance.now();
  let requests = 0;
  let seconds = 0;
  while (performance.now() - beganMs < FIRST_MS) {
    seconds += await cpuPerRequest(running, 1, signal);
    requests++;
  }
  return seconds / requests;
}

async function cpuPerRequest(running: Running, requests: number, signal: AbortSignal): Promise<number> {
  const before = (await running.cpuSeconds()) ?? Number.NaN;
  for (let count = 0; count < requests; count++) {
    await HttpConnection.getOnce(new URL(`/compute?rounds=${ROUNDS}`, running.url).href, signal);
  }
  return (((await running.cpuSeconds()) ?? Number.NaN) - before) / requests;
}
