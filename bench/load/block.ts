import { loadavg } from "node:os";
import { cpuSecondsBetween, readCpu } from "../../startup/process-stats.ts";
import type { Sample } from "../stats.ts";
import { goodOf, type LoadGenerator } from "./generator.ts";
import type { Load, LoadResult } from "./load-run.ts";

/** What clients wait for, and the app's limits.requestTimeoutSeconds. */
export const DEADLINE_SECONDS = 1;

/** Pictures of examples/image-rust that take about so long. */
export const IMAGES = {
  "image of 10 ms": "/?width=440&height=300&iterations=100",
  "image of 1 ms": "/?width=120&height=80&iterations=60",
} as const;

/** A picture that is asked for. */
export type Image = keyof typeof IMAGES;

/** Applies a load, and measures what the runtime's processes take for it. */
export async function measured(
  pids: readonly number[],
  generator: LoadGenerator,
  load: Load,
): Promise<{ result: LoadResult; cpuSeconds: number | null }> {
  const [before, beginMs] = [readCpu(pids), performance.now()];
  const result = await generator.apply(load);
  const [used, tookMs] = [cpuSecondsBetween(before, readCpu(pids)), performance.now() - beginMs];
  // What comes before and after the seconds that count takes about as much as they do.
  return { result, cpuSeconds: used === null ? null : (used * result.seconds * 1000) / tookMs };
}

/** Returns the sample of a load: what counts are its good answers. */
export function sampleOf(
  scenario: string,
  arm: string,
  round: number,
  { result, cpuSeconds }: { result: LoadResult; cpuSeconds: number | null },
): Sample {
  return {
    scenario,
    arm,
    round,
    requests: goodOf(result),
    wallSeconds: result.seconds,
    cpuSeconds,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros: result.latenciesMicros,
  };
}
