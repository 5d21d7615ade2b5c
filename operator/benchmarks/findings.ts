import type { Job } from "../../kube/resources.ts";
import type { Finding } from "../apps/conditions.ts";
import type { StartupBenchmark } from "../objects.ts";
import type { ObservedBenchmark } from "./plan-benchmark.ts";
import type { BenchmarkNode } from "./resources.ts";

/* What `kubectl get` and `describe` say of a benchmark. */

const FAILED = "RunFailed";
const MAX_MESSAGE = 4096;

type Outcome = Pick<Finding, "reason" | "message">;

/** Returns the Job that began last. */
export function latestJob(jobs: readonly Job[]): Job | undefined {
  return jobs.toSorted((a, b) => timeOf(b) - timeOf(a))[0];
}

/** Returns whether the spec as it is was run to its end, or its run failed. */
export function isDone(benchmark: StartupBenchmark): boolean {
  return hasResults(benchmark) || failureBefore(benchmark) !== undefined;
}

/** Returns the conditions of a benchmark. */
export function findingsOf(observed: ObservedBenchmark, node: BenchmarkNode | undefined): Finding[] {
  const { benchmark, jobs } = observed;
  const blockage = blockageOf(observed, node);
  const job = latestJob(jobs);
  const isRunning = job !== undefined && isUnderWay(benchmark, job);
  const failure = isRunning ? undefined : (failureOf(benchmark, job) ?? failureBefore(benchmark));
  const hasFinished = hasResults(benchmark);
  const progress = benchmark.status?.results?.progress ?? "0";
  const running: Finding = isRunning
    ? {
        type: "Running",
        status: "True",
        reason: "Running",
        message: `on ${node?.name ?? "a node"}, rounds done: ${progress}`,
      }
    : { type: "Running", status: "False", reason: "Idle", message: idleMessage(benchmark) };
  const waiting = {
    reason: isRunning ? "Running" : "Waiting",
    message: isRunning ? "the run is under way" : idleMessage(benchmark),
  };
  const complete: Finding =
    hasFinished && failure === undefined
      ? { type: "Complete", status: "True", reason: "Finished", message: benchmark.status?.results?.summary ?? "" }
      : { type: "Complete", status: "False", ...(failure ?? blockage ?? waiting) };
  return [running, complete, degraded(benchmark, failure ?? blockage)];
}

/** Whether a Job still measures; once its results are whole, its pod only ends. */
function isUnderWay({ status }: StartupBenchmark, job: Job): boolean {
  if (endOf(job) !== undefined || job.metadata.deletionTimestamp !== undefined) return false;
  const { finishedAt, run = "" } = status?.results ?? {};
  return finishedAt === undefined || !run.startsWith(`${job.metadata.name}-`);
}

function degraded(benchmark: StartupBenchmark, problem: Outcome | undefined): Finding {
  if (problem !== undefined) return { type: "Degraded", status: "True", ...problem };
  const missing = hasRun(benchmark) ? (benchmark.status?.results?.missing ?? []) : [];
  if (missing.length === 0) {
    return { type: "Degraded", status: "False", reason: "AsExpected", message: "nothing was left out" };
  }
  const message = missing.map(({ contender, why }) => `${contender} is left out: ${why}`).join("; ");
  return { type: "Degraded", status: "True", reason: "ContenderUnavailable", message: message.slice(0, MAX_MESSAGE) };
}

/** Returns what keeps any run from beginning. */
function blockageOf(
  { benchmark: { spec }, settings, nodes }: ObservedBenchmark,
  node: BenchmarkNode | undefined,
): Outcome | undefined {
  if (settings === undefined) {
    const message = "benchmarks are switched off: set startupBenchmarks.enabled in the chart's values";
    return { reason: "NotEnabled", message };
  }
  if (node !== undefined) return undefined;
  const known = nodes.map(({ name }) => name).join(", ") || "there is none";
  const message =
    spec.nodeName === undefined
      ? "there is no node on which apps can run: kubectl get wasmruntimes tells why"
      : `spec.nodeName ${spec.nodeName} is no node on which apps can run (${known}): correct it, or leave it out`;
  return { reason: "NodeNotFound", message };
}

function idleMessage({ spec: { schedule, suspend, timeZone } }: StartupBenchmark): string {
  if (suspend) return "spec.suspend is set: no run begins";
  return schedule === undefined ? "no run is under way" : `runs at ${schedule} (${timeZone})`;
}

/** Whether the results are of the spec as it is. */
function hasRun({ metadata, status }: StartupBenchmark): boolean {
  return status?.results !== undefined && status.results.generation === metadata.generation;
}

function hasResults(benchmark: StartupBenchmark): boolean {
  return hasRun(benchmark) && benchmark.status?.results?.finishedAt !== undefined;
}

/** A failure outlives its Job: what was written down of this generation counts until something else is known. */
function failureBefore({ metadata, status }: StartupBenchmark): Outcome | undefined {
  const known = status?.conditions?.find(({ type }) => type === "Complete");
  if (known?.reason !== FAILED || known.observedGeneration !== metadata.generation) return undefined;
  return { reason: known.reason, message: known.message };
}

function failureOf({ status }: StartupBenchmark, job: Job | undefined): Outcome | undefined {
  const end = job && endOf(job);
  if (job === undefined || end?.type !== "Failed") return undefined;
  const { run = "", error } = status?.results ?? {};
  const told = run.startsWith(`${job.metadata.name}-`) ? error : undefined;
  const why = told ?? end.message ?? end.reason ?? "its pod failed";
  return { reason: FAILED, message: `the Job ${job.metadata.name} failed: ${why}. Change the spec to run it again.` };
}

type JobCondition = NonNullable<NonNullable<Job["status"]>["conditions"]>[number];

function endOf({ status }: Job): JobCondition | undefined {
  return status?.conditions?.find(
    ({ type, status: holds }) => (type === "Failed" || type === "Complete") && holds === "True",
  );
}

function timeOf({ metadata }: Job): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}
