import { median, percentile } from "../common/statistics.ts";

/*
 * Pure arithmetic over samples. Ratios are taken within a round and then reduced to their median: what else runs on the
 * machine slows both arms of a round, and cancels out.
 */

/** One block of requests (or one start) of one arm, as measured; the raw material of every number in the report. */
export interface Sample {
  scenario: string;
  arm: string;
  round: number;
  requests: number;
  wallSeconds: number;
  /** CPU time of the measured processes, their client's not included; null where the system does not tell. */
  cpuSeconds: number | null;
  /** The machine's one-minute load average when the block ended. */
  loadAverage: number;
  /** Of each request, in microseconds. */
  latenciesMicros: number[];
}

/** A number reduced from rounds, and how far they lie apart. */
export interface Estimate {
  /** The median; NaN when no round has a value. */
  value: number;
  /** The middle half of the rounds: first and third quartile. */
  spread: { low: number; high: number };
  rounds: number;
}

/** Reduces the values of rounds. */
export function estimate(values: readonly number[]): Estimate {
  return {
    value: median(values),
    spread: { low: percentile(values, 0.25), high: percentile(values, 0.75) },
    rounds: values.length,
  };
}

/** What is compared within a round: NaN where it is unknown. */
export type Metric = (sample: Sample) => number;

/** Returns the metric that is a percentile of a round's latencies, in microseconds. */
export function latencyAt(p: number): Metric {
  return ({ latenciesMicros }) => percentile(latenciesMicros, p);
}

/** The metric of a round's CPU time per request, in microseconds. */
export const cpuPerRequest: Metric = (sample) => cpuMicrosPerRequest([sample]) ?? Number.NaN;

/** Returns `arm` / `peer` by the metric, within each round; rounds that lack one of them don't count. */
export function pairedRatio(samples: readonly Sample[], arm: string, peer: string, metric: Metric): Estimate {
  const ratios: number[] = [];
  for (const sample of samples.filter((candidate) => candidate.arm === arm)) {
    const other = samples.find((candidate) => candidate.arm === peer && candidate.round === sample.round);
    if (other !== undefined) ratios.push(metric(sample) / metric(other));
  }
  return estimate(ratios);
}

/** Returns the microseconds of CPU time per request over all rounds, or null where one is unknown. */
export function cpuMicrosPerRequest(samples: readonly Sample[]): number | null {
  let seconds = 0;
  let requests = 0;
  for (const sample of samples) {
    if (sample.cpuSeconds === null) return null;
    seconds += sample.cpuSeconds;
    requests += sample.requests;
  }
  return requests === 0 ? null : (seconds / requests) * 1e6;
}

/** What the report says of one arm. */
export interface ArmSummary {
  scenario: string;
  arm: string;
  rounds: number;
  requests: number;
  p50Micros: number;
  p99Micros: number;
  cpuMicrosPerRequest: number | null;
  wallSeconds: number;
  loadAverage: number;
}

/** Reduces samples to one summary per scenario and arm, in the order of their first sample. */
export function summarizeArms(samples: readonly Sample[]): ArmSummary[] {
  const groups = Map.groupBy(samples, ({ scenario, arm }) => `${scenario}\n${arm}`);
  return [...groups.values()].map((group) => {
    const [first] = group as [Sample, ...Sample[]];
    const latencies = group.flatMap(({ latenciesMicros }) => latenciesMicros);
    return {
      scenario: first.scenario,
      arm: first.arm,
      rounds: group.length,
      requests: group.reduce((sum, { requests }) => sum + requests, 0),
      p50Micros: percentile(latencies, 0.5),
      p99Micros: percentile(latencies, 0.99),
      cpuMicrosPerRequest: cpuMicrosPerRequest(group),
      wallSeconds: group.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0),
      loadAverage: median(group.map(({ loadAverage }) => loadAverage)),
    };
  });
}
