import { formatSeconds } from "../cli/output.ts";
import { median } from "../common/statistics.ts";
import type { BenchmarkResults } from "../crds/startup-benchmark/types.ts";
import type { Comparison } from "./measure.ts";
import { summarizeStarts, type ContenderSummary } from "./summary.ts";

/* What a run on a cluster has found so far, as the status of its StartupBenchmark tells it. */

const MAX_TEXT = 2000;

/** What a run is. */
export interface BenchmarkRun {
  /** Of the spec that is run. */
  generation: number;
  /** Name of the probe's pod. */
  run: string;
  rounds: number;
  finishedAt?: string;
}

/** Returns a comparison as it stands in a status: numbers that JSON can hold, texts with a bound. */
export function toResults(
  comparison: Comparison,
  { generation, run, rounds, finishedAt }: BenchmarkRun,
): BenchmarkResults {
  const { startedAt, machine, samples, missing } = comparison;
  const summaries = summarizeStarts(comparison);
  const counts = summaries.map((summary) => summary.samples);
  const probe = samples.map(({ probeSeconds }) => probeSeconds);
  return {
    generation,
    run,
    startedAt,
    ...(finishedAt !== undefined && { finishedAt }),
    machine: `${machine.cpus} CPUs (${machine.cpu}), ${machine.platform}`.slice(0, 512),
    ...(probe.length > 0 && { probeSeconds: rounded(median(probe)) }),
    progress: `${counts.length === 0 ? 0 : Math.min(...counts)}/${rounds}`,
    summary: summaryOf(summaries),
    contenders: summaries.map((summary) => contenderOf(summary, comparison)),
    missing: missing.map(({ contender, why }) => ({ contender, why: why.slice(0, MAX_TEXT) })),
  };
}

function contenderOf(summary: ContenderSummary, { samples }: Comparison): BenchmarkResults["contenders"][number] {
  const { name, technology, runtime, cache, accelerator, what, pullBytes, diskBytes, memoryBytes, ratio } = summary;
  const own = samples.filter(({ contender }) => contender === name);
  const phases = Object.keys(summary.phases);
  return {
    name,
    technology,
    runtime,
    cache,
    accelerator,
    what,
    samples: summary.samples,
    ...(summary.samples > 0 && {
      start: formatSeconds(summary.p50),
      p50: rounded(summary.p50),
      p90: rounded(summary.p90),
      p99: rounded(summary.p99),
      min: rounded(summary.min),
      phases: Object.fromEntries(Object.entries(summary.phases).map(([phase, time]) => [phase, rounded(time)])),
    }),
    ...(ratio !== undefined && { ratio: Number(ratio.toPrecision(4)) }),
    ...(memoryBytes !== null && { memoryBytes: Math.round(memoryBytes) }),
    ...(pullBytes !== null && { pullBytes }),
    ...(diskBytes !== null && { diskBytes }),
    seconds: own.map(({ seconds }) => rounded(seconds)),
    phaseSeconds: Object.fromEntries(
      phases.map((phase) => [phase, own.map((sample) => rounded(sample.phases[phase] ?? 0))]),
    ),
  };
}

/** Returns medians as `kubectl get` shows them: the fastest first, the others with their ratio to what wakes. */
function summaryOf(summaries: readonly ContenderSummary[]): string {
  return summaries
    .filter(({ samples }) => samples > 0)
    .toSorted((a, b) => a.p50 - b.p50)
    .map(({ name, p50, ratio }) => {
      const times = ratio === undefined || ratio === 1 ? "" : ` (${Number(ratio.toPrecision(3))}x)`;
      return `${name} ${formatSeconds(p50)}${times}`;
    })
    .join(", ");
}

/** Microseconds are the finest that means something. */
function rounded(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
