import type { Job, Pod } from "../../kube/resources.ts";
import type { Finding } from "../apps/conditions.ts";
import type { StartupBenchmark } from "../objects.ts";
import type { ObservedBenchmark } from "./plan-benchmark.ts";
import { NODE_NAME, type BenchmarkNode } from "./resources.ts";

/* What `kubectl get` and `describe` say of a benchmark. */

const FAILED = "RunFailed";
const MAX_MESSAGE = 4096;
/** A pod that is not there, or has no node, after so long needs somebody. */
const PATIENCE_MS = 10_000;

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
  const { benchmark, jobs, pods } = observed;
  const job = latestJob(jobs);
  const current = job !== undefined && isUnderWay(benchmark, job) ? job : undefined;
  const stuck = current && stuckReason(observed, current);
  const failure =
    current === undefined
      ? (failureOf(benchmark, job, pods) ?? emptiness(benchmark) ?? failureBefore(benchmark))
      : undefined;
  const problem = stuck ?? failure ?? blockageOf(observed, node);
  const idle = { reason: "Idle", message: idleMessage(benchmark) };
  const running: Finding =
    current !== undefined && stuck === undefined
      ? { type: "Running", status: "True", reason: "Running", message: runningMessage(benchmark, current) }
      : { type: "Running", status: "False", ...(stuck ?? idle) };
  const underWay = { reason: running.reason, message: running.message };
  const waiting = current === undefined ? { ...idle, reason: "Waiting" } : underWay;
  const complete: Finding =
    hasResults(benchmark) && failure === undefined
      ? { type: "Complete", status: "True", reason: "Finished", message: benchmark.status?.results?.summary ?? "" }
      : { type: "Complete", status: "False", ...(problem ?? waiting) };
  return [running, complete, degraded(benchmark, problem)];
}

function runningMessage(benchmark: StartupBenchmark, job: Job): string {
  const progress = hasRun(benchmark) ? benchmark.status?.results?.progress : undefined;
  return `on ${job.metadata.annotations?.[NODE_NAME] ?? "a node"}, rounds done: ${progress ?? "0"}`;
}

/** Returns why a Job's pod does not measure, where that can be seen. */
function stuckReason({ pods, nowMs }: ObservedBenchmark, job: Job): Outcome | undefined {
  const pod = pods.find(({ metadata }) => metadata.labels?.["job-name"] === job.metadata.name);
  const { name } = job.metadata;
  if (pod === undefined) {
    // One that was there and is gone makes the Job fail in a moment.
    const hadOne = (job.status?.active ?? 0) + (job.status?.failed ?? 0) > 0;
    if (hadOne || nowMs - timeOf(job) < PATIENCE_MS) return undefined;
    return {
      reason: "PodNotCreated",
      message: `the Job ${name} could not make its pod: kubectl describe job ${name} says why`,
    };
  }
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
  if (waiting?.reason !== undefined && /^(ErrImage|ImagePull|InvalidImage|CreateContainer)/.test(waiting.reason)) {
    return {
      reason: "PodNotStarted",
      message: `its pod ${pod.metadata.name} does not start: ${waiting.reason} ${waiting.message ?? ""}`.trim(),
    };
  }
  const scheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (scheduled === undefined || nowMs - timeOf(job) < PATIENCE_MS) return undefined;
  return { reason: "PodNotScheduled", message: `its pod ${pod.metadata.name} has no node: ${scheduled.message ?? ""}` };
}

/** Returns when to look again at a Job that may be stuck, in milliseconds; undefined where none is young. */
export function patienceMs({ benchmark, jobs, nowMs }: ObservedBenchmark): number | undefined {
  const job = latestJob(jobs);
  if (job === undefined || !isUnderWay(benchmark, job)) return undefined;
  const leftMs = timeOf(job) + PATIENCE_MS - nowMs;
  return leftMs > 0 ? leftMs + 1000 : undefined;
}

/** A run of which nothing could be measured is none. */
function emptiness(benchmark: StartupBenchmark): Outcome | undefined {
  const { contenders = [], missing = [] } = benchmark.status?.results ?? {};
  if (!hasResults(benchmark) || contenders.some(({ samples }) => samples > 0)) return undefined;
  const why = missing.map(({ contender, why: reason }) => `${contender}: ${reason}`).join("; ");
  return { reason: FAILED, message: `nothing could be measured: ${why}`.slice(0, MAX_MESSAGE) };
}

/** Whether a Job still measures; once its results are whole, its pod only ends. */
function isUnderWay({ status }: StartupBenchmark, job: Job): boolean {
  if (endOf(job) !== undefined || job.metadata.deletionTimestamp !== undefined) return false;
  const { finishedAt, run = "" } = status?.results ?? {};
  return finishedAt === undefined || !isOf(run, job);
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
  { benchmark: { spec }, settings, nodes, refusal }: ObservedBenchmark,
  node: BenchmarkNode | undefined,
): Outcome | undefined {
  if (refusal !== undefined) return { reason: "Refused", message: refusal };
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

function failureOf({ status }: StartupBenchmark, job: Job | undefined, pods: readonly Pod[]): Outcome | undefined {
  const end = job && endOf(job);
  if (job === undefined || end?.type !== "Failed") return undefined;
  const { run = "", error } = status?.results ?? {};
  const told = isOf(run, job) ? error : undefined;
  const pod = pods.find(({ metadata }) => metadata.labels?.["job-name"] === job.metadata.name);
  const why = [told ?? end.message ?? end.reason ?? "its pod failed", endOfPod(pod)]
    .filter((text) => text !== "")
    .join("; ");
  return { reason: FAILED, message: `the Job ${job.metadata.name} failed: ${why}. Change the spec to run it again.` };
}

/** Returns how a pod ended, for people; an empty text where that is not known. */
function endOfPod(pod: Pod | undefined): string {
  const terminated = pod?.status?.containerStatuses?.[0]?.state?.terminated;
  if (terminated !== undefined)
    return `its pod ended with exit code ${terminated.exitCode} (${terminated.reason ?? "Error"})`;
  return pod?.status?.reason === undefined
    ? ""
    : `its pod was ended: ${pod.status.reason} ${pod.status.message ?? ""}`.trim();
}

/** Whether a run's pod is that of a Job; pods of Jobs with long names have a part of it. */
function isOf(run: string, { metadata }: Job): boolean {
  return run.startsWith(`${metadata.name}-`.slice(0, 57));
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
