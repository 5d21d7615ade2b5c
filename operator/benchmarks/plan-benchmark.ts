import { createHash } from "node:crypto";
import {
  CRON_JOBS,
  JOBS,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
  type CronJob,
  type Job,
  type Pod,
} from "../../kube/resources.ts";
import { timed } from "../apps/conditions.ts";
import { isEqual } from "../apps/writes.ts";
import { STARTUP_BENCHMARKS, type StartupBenchmark } from "../objects.ts";
import type { Write } from "../writer.ts";
import { findingsOf, isDone, latestJob } from "./findings.ts";
import {
  APPLIED,
  buildAccount,
  buildCronJob,
  buildJob,
  buildRole,
  buildRoleBinding,
  jobName,
  NODE_NAME,
  type BenchmarkNode,
  type ProbeSettings,
} from "./resources.ts";

/*
 * What is to be done for a StartupBenchmark. Without a schedule it is run once for each generation of its spec: a Job of that
 * number is made unless its results, or how it failed, are in the status already.
 */

/** Everything that a plan for a benchmark depends on. */
export interface ObservedBenchmark {
  benchmark: StartupBenchmark;
  /** Undefined where benchmarks are switched off. */
  settings: ProbeSettings | undefined;
  /** Nodes on which apps can run, the first one being preferred. */
  nodes: readonly BenchmarkNode[];
  /** The benchmark's own. */
  jobs: readonly Job[];
  /** The pods of those. */
  pods: readonly Pod[];
  cronJob: CronJob | undefined;
  /** Why the cluster refused what was to be made; nothing is tried then. */
  refusal?: string;
  nowMs: number;
}

/** Returns what to write for a benchmark, in steps: what its pods may do, what makes them, then the status. */
export function planBenchmark(observed: ObservedBenchmark): Write[][] {
  const { benchmark, settings, jobs, cronJob } = observed;
  if (benchmark.metadata.deletionTimestamp !== undefined) return [];
  const node = nodeOf(observed);
  const steps: Write[][] = [];
  if (settings !== undefined && node !== undefined && observed.refusal === undefined)
    steps.push(...makeRuns(observed, node, settings));
  const removed = [
    ...(cronJob !== undefined && benchmark.spec.schedule === undefined ? [cronJob] : []),
    ...jobs.filter((job) => isOutdated(benchmark, job)),
  ];
  const status = buildStatus(observed, node);
  return [
    ...steps,
    isEqual(benchmark.status, status)
      ? []
      : [{ kind: "status" as const, resource: STARTUP_BENCHMARKS, object: { ...benchmark, status } }],
    removed.map((object): Write => ({ kind: "delete", resource: object.kind === "Job" ? JOBS : CRON_JOBS, object })),
  ].filter((writes) => writes.length > 0);
}

/** Returns the node that is named, or that was chosen before, or the first one. */
function nodeOf({ benchmark: { metadata, spec, status }, nodes }: ObservedBenchmark): BenchmarkNode | undefined {
  if (spec.nodeName !== undefined) return nodes.find(({ name }) => name === spec.nodeName);
  // Not all of them on the first one: they would measure each other.
  return nodes.find(({ name }) => name === status?.nodeName) ?? nodes[hashOf(metadata.uid ?? "") % nodes.length];
}

function hashOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32LE();
}

function makeRuns(
  { benchmark, jobs, cronJob }: ObservedBenchmark,
  node: BenchmarkNode,
  settings: ProbeSettings,
): Write[][] {
  const { schedule, suspend } = benchmark.spec;
  const rights: Write[][] = [
    [
      { kind: "apply", resource: SERVICE_ACCOUNTS, object: buildAccount(benchmark) },
      { kind: "apply", resource: ROLES, object: buildRole(benchmark) },
    ],
    [{ kind: "apply", resource: ROLE_BINDINGS, object: buildRoleBinding(benchmark) }],
  ];
  if (schedule !== undefined) {
    const desired = buildCronJob(benchmark, node, settings);
    if (cronJob?.metadata.annotations?.[APPLIED] === desired.metadata.annotations?.[APPLIED]) return [];
    return [...rights, [{ kind: "apply", resource: CRON_JOBS, object: desired }]];
  }
  const isThere = jobs.some(({ metadata }) => metadata.name === jobName(benchmark));
  if (suspend || isThere || isDone(benchmark)) return [];
  return [...rights, [{ kind: "create", resource: JOBS, object: buildJob(benchmark, node, settings) }]];
}

/** Whether a Job runs a spec that is no longer asked for; those of the CronJob go by themselves. */
function isOutdated(benchmark: StartupBenchmark, { metadata }: Job): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const isScheduled = metadata.ownerReferences?.some(({ kind }) => kind === "CronJob") === true;
  return !isScheduled && (benchmark.spec.schedule !== undefined || metadata.name !== jobName(benchmark));
}

function buildStatus(observed: ObservedBenchmark, node: BenchmarkNode | undefined): StartupBenchmark["status"] {
  const { benchmark, jobs, nowMs } = observed;
  const { generation } = benchmark.metadata;
  const { results, conditions, lastRunTime } = benchmark.status ?? {};
  const began = latestJob(jobs)?.metadata.creationTimestamp ?? lastRunTime;
  // The one that was measured; what is chosen next does not change what was found.
  const measured = latestJob(jobs)?.metadata.annotations?.[NODE_NAME];
  const nodeName = measured ?? benchmark.status?.nodeName ?? node?.name;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: timed(findingsOf(observed, node), conditions, generation, nowMs),
    ...(nodeName !== undefined && { nodeName }),
    ...(began !== undefined && { lastRunTime: began }),
    ...(results !== undefined && { results }),
  };
}
