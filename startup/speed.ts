import { HttpConnection } from "./http-connection.ts";
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

/** Measures contenders, those that tell their CPU time. The first one is what the others are compared with. */
export async function compareSpeed(drivers: readonly Driver[], probe: Probe): Promise<Speed[]> {
  const started: { running: Running; speed: Speed }[] = [];
  try {
    for (const driver of drivers) {
      const running = await driver.start(probe);
      const firstSecond = await firstSecondOf(running);
      started.push({ running, speed: { contender: driver.contender.name, firstSecond, warm: [] } });
    }
    for (let block = 0; block < WARM_BLOCKS; block++) {
      for (const { running, speed } of started) speed.warm.push(await cpuPerRequest(running, BLOCK_REQUESTS));
    }
    return started.map(({ speed }) => speed);
  } finally {
    for (const { running } of started) await running.stop();
  }
}

async function firstSecondOf(running: Running): Promise<number> {
  const beganMs = performance.now();
  let requests = 0;
  let seconds = 0;
  while (performance.now() - beganMs < FIRST_MS) {
    seconds += await cpuPerRequest(running, 1);
    requests++;
  }
  return seconds / requests;
}

async function cpuPerRequest(running: Running, requests: number): Promise<number> {
  const before = (await running.cpuSeconds()) ?? Number.NaN;
  for (let count = 0; count < requests; count++) {
    await HttpConnection.getOnce(new URL(`/compute?rounds=${ROUNDS}`, running.url).href);
  }
  return (((await running.cpuSeconds()) ?? Number.NaN) - before) / requests;
}
