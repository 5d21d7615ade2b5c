import { median, percentile } from "../common/statistics.ts";
import type { Contender, Sizes } from "./driver.ts";
import type { Comparison } from "./measure.ts";
import type { StartSample } from "./turns.ts";

/** What all others are compared with: a request to an app that is scaled to zero. */
export const BASELINE = "wasm-wake";
/** The same on a cluster, where that takes part instead. */
const CLUSTER_BASELINE = "app-wake";

/** What is told of one contender. Times are seconds. */
export interface ContenderSummary extends Contender, Sizes {
  samples: number;
  p50: number;
  p90: number;
  p99: number;
  min: number;
  /** Its time over the baseline's, within each round; the median of these. Undefined without the baseline. */
  ratio: number | undefined;
  /** Median bytes of memory after the start; null where unknown. */
  memoryBytes: number | null;
  /** Medians, in the order in which the phases come. */
  phases: Record<string, number>;
}

/** Reduces samples to a row for each contender, in the order in which they took turns. */
export function summarizeStarts({ contenders, samples }: Comparison): ContenderSummary[] {
  const baseName = baselineOf({ contenders });
  const baseline = new Map(
    samples.filter(({ contender }) => contender === baseName).map(({ round, seconds }) => [round, seconds]),
  );
  return contenders.map((contender) => {
    const own = samples.filter((sample) => sample.contender === contender.name);
    const times = own.map(({ seconds }) => seconds);
    const ratios = own.flatMap(({ round, seconds }) => {
      const base = baseline.get(round);
      return base === undefined ? [] : [seconds / base];
    });
    return {
      ...contender,
      samples: own.length,
      p50: times.length === 0 ? Number.NaN : median(times),
      p90: percentile(times, 0.9),
      p99: percentile(times, 0.99),
      min: Math.min(...times),
      ratio: ratios.length === 0 ? undefined : median(ratios),
      memoryBytes: medianOf(own.map(({ memoryBytes }) => memoryBytes)),
      phases: medianPhases(own),
    };
  });
}

/** Returns the name of what all others are compared with. */
export function baselineOf({ contenders }: Pick<Comparison, "contenders">): string {
  const names = new Set(contenders.map(({ name }) => name));
  return names.has(CLUSTER_BASELINE) && !names.has(BASELINE) ? CLUSTER_BASELINE : BASELINE;
}

function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}

function medianPhases(samples: readonly StartSample[]): Record<string, number> {
  const names = new Set(samples.flatMap(({ phases }) => Object.keys(phases)));
  return Object.fromEntries([...names].map((name) => [name, median(samples.map(({ phases }) => phases[name] ?? 0))]));
}
