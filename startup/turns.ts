import { loadavg } from "node:os";
import { messageOf } from "../common/errors.ts";
import type { Driver } from "./driver.ts";
import type { Comparison, MeasureOptions } from "./measure.ts";
import type { Probe } from "./probe.ts";

/** One start of one contender: the raw material of every number that is told. */
export interface StartSample {
  contender: string;
  round: number;
  /** From the request for the start to the first answer. */
  seconds: number;
  /** What they are made of, in order. */
  phases: Readonly<Record<string, number>>;
  memoryBytes: number | null;
  /** What the probe's own part was just before. */
  probeSeconds: number;
  /** The machine's one-minute load average when it was started. */
  loadAverage: number;
}

type TurnOptions = Pick<MeasureOptions, "samples" | "onProgress" | "onFound"> & { signal: AbortSignal };

/** Starts all in turns, and removes from `drivers` whatever fails. */
export async function takeTurns(
  drivers: Driver[],
  probe: Probe,
  { samples: rounds, onProgress, onFound, signal }: TurnOptions,
  found: Comparison,
): Promise<void> {
  for (let round = 0; round <= rounds; round++) {
    for (const driver of drivers.filter(({ maxSamples }) => takesPart(round, rounds, maxSamples))) {
      signal.throwIfAborted();
      const { name } = driver.contender;
      onProgress(`round ${round} of ${rounds}: ${name}`, round / (rounds + 1));
      try {
        const sample = await takeSample(driver, round, probe);
        if (round === 0) continue;
        found.samples.push(sample);
        onFound?.(found);
      } catch (thrown) {
        signal.throwIfAborted();
        found.missing.push({ contender: name, why: `start ${round} failed: ${messageOf(thrown)}` });
        // What is left out is so everywhere: neither tables nor the plot have a part of it.
        found.samples = found.samples.filter(({ contender }) => contender !== name);
        found.contenders = found.contenders.filter((contender) => contender.name !== name);
        drivers.splice(drivers.indexOf(driver), 1);
        await Promise.allSettled([driver[Symbol.asyncDispose]()]);
      }
    }
  }
}

/** Says whether one that takes part in some rounds only does so in this one: they are spread over all evenly. */
export function takesPart(round: number, rounds: number, maxSamples = rounds): boolean {
  if (round === 0 || rounds <= maxSamples) return true;
  const samplesUntil = (last: number): number => Math.floor((last * maxSamples) / rounds);
  return samplesUntil(round) > samplesUntil(round - 1);
}

async function takeSample(driver: Driver, round: number, probe: Probe): Promise<StartSample> {
  const loadAverage = loadavg()[0] ?? 0;
  const running = await driver.start(probe);
  const { ownSeconds: probeSeconds } = probe;
  try {
    const { phases } = running;
    const seconds = Object.values(phases).reduce((sum, phase) => sum + phase, 0);
    const memoryBytes = await running.memoryBytes();
    return { contender: driver.contender.name, round, seconds, phases, memoryBytes, probeSeconds, loadAverage };
  } finally {
    await running.stop();
  }
}
