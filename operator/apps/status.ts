import { medianStart } from "../../crds/wasm-replica/start-time.ts";
import type { WasmAppObject, WasmAppStatus, WasmReplica } from "../objects.ts";
import { timed, toTime, type Condition, type Finding } from "./conditions.ts";
import { exposureOf } from "./exposure.ts";
import { limitsHit } from "./limits-hit.ts";
import type { ObservedApp } from "./observed.ts";
import type { Decision, PlannedEvent } from "./plan.ts";
import { isServing, isUpToDate } from "./replica-state.ts";
import { servingRevision } from "./rollout.ts";
import { selectorOf } from "./resources.ts";

/* What `kubectl get` and `describe` say of an app. */

/** Replicas of an app, counted by what they do. */
interface Counts {
  wanted: number;
  replicas: number;
  serving: number;
  updated: number;
  completed: number;
}

/** Returns the status of an app after a decision about it. */
export function buildStatus(observed: ObservedApp, decision: Decision): WasmAppStatus {
  const { app, replicas, nowMs } = observed;
  const { revision, port, placement } = decision;
  const placed = replicas.filter(({ spec }) => placement.nodes.includes(spec.nodeName));
  const serving = [...placed, ...standing(observed, decision)];
  const counts = countOf(placed, serving, placement.wanted, revision);
  const lastProgressTime = progressTime(app.status, revision, counts, nowMs);
  const isOverdue = nowMs >= Date.parse(lastProgressTime) + app.spec.rollout.progressDeadlineSeconds * 1000;
  const exposure = exposureOf(observed);
  const findings = [
    readiness(app, counts, placed, decision),
    progress(app, counts, placed, decision, isOverdue),
    degradation(counts, placed, decision, isOverdue, exposure),
    ...completion(app, counts, placed),
    ...limitsHit(serving),
    ...(exposure === undefined ? [] : [exposure]),
  ];
  const currentRevision = servingRevision(serving)?.revision ?? app.status?.currentRevision;
  const digest = serving.find(isServing)?.status?.digest;
  const startP50 = medianStart(serving.flatMap(({ status }) => status?.startP50 ?? []));
  const isHttp = app.spec.trigger.http !== undefined;
  const image = decision.image ?? (app.status?.revision === revision ? app.status.image : undefined);
  return {
    ...(app.metadata.generation !== undefined && { observedGeneration: app.metadata.generation }),
    conditions: timed(findings, app.status?.conditions, app.metadata.generation, nowMs),
    replicas: counts.replicas,
    readyReplicas: counts.serving,
    updatedReplicas: counts.updated,
    ready: `${Math.min(counts.serving, counts.wanted)}/${counts.wanted}`,
    selector: selectorOf(app),
    ...(isHttp && { url: `http://${app.metadata.name}.${app.metadata.namespace ?? ""}.svc` }),
    ...(port !== undefined && { port }),
    ...(image !== undefined && { image }),
    revision,
    ...(currentRevision !== undefined && { currentRevision }),
    lastProgressTime,
    ...(digest !== undefined && { digest }),
    ...(startP50 !== undefined && { startP50 }),
  };
}

/** Returns what to tell of how conditions changed: what is wrong, and that it is well again. */
export function transitionEvents(before: WasmAppStatus | undefined, now: WasmAppStatus): PlannedEvent[] {
  return (now.conditions ?? []).flatMap((condition): PlannedEvent[] => {
    const { type, status, reason, message } = condition;
    const known = before?.conditions?.find((candidate) => candidate.type === type);
    if (known?.status === status && known.reason === reason) return [];
    if (type === "Degraded") {
      if (status === "True") return [{ type: "Warning", reason, message }];
      return known?.status === "True" ? [{ type: "Normal", reason: "Recovered", message }] : [];
    }
    if (type === "LimitsHit") return status === "True" ? [{ type: "Warning", reason: "LimitsHit", message }] : [];
    if (type === "Progressing" && reason === "ProgressDeadlineExceeded") return [{ type: "Warning", reason, message }];
    if (type === "Progressing" && reason === "UpToDate" && known?.reason === "RollingOut" && hadRevision(before, now)) {
      return [{ type: "Normal", reason: "RolledOut", message }];
    }
    return [];
  });
}

/** Returns when the rollout under way is overdue, in milliseconds from now; undefined when none is, or it is already. */
export function deadlineInMs(app: WasmAppObject, status: WasmAppStatus, nowMs: number): number | undefined {
  const progressing = status.conditions?.find(({ type }) => type === "Progressing");
  if (progressing?.status !== "True" || status.lastProgressTime === undefined) return undefined;
  const leftMs = Date.parse(status.lastProgressTime) + app.spec.rollout.progressDeadlineSeconds * 1000 - nowMs;
  return leftMs > 0 ? leftMs : undefined;
}

/** Returns what stays for now in pools that the app leaves. */
function standing({ formerPools }: ObservedApp, { former }: Decision): WasmReplica[] {
  const names = new Set(former.map(({ metadata }) => metadata.name));
  return formerPools.flatMap((pool) => pool.replicas.filter(({ metadata }) => names.has(metadata.name)));
}

function countOf(
  replicas: readonly WasmReplica[],
  serving: readonly WasmReplica[],
  wanted: number,
  revision: string,
): Counts {
  return {
    wanted,
    replicas: serving.length,
    serving: serving.filter(isServing).length,
    updated: replicas.filter((replica) => isUpToDate(replica) && replica.spec.revision === revision).length,
    completed: replicas.filter(({ status }) => status?.state === "Completed").length,
  };
}

/**
 * A rollout gets on when it begins, and when another node runs the new revision. It begins anew when what was done is not any
 * more: a node was lost, or the app is to run in another pool.
 */
function progressTime(before: WasmAppStatus | undefined, revision: string, counts: Counts, nowMs: number): string {
  const wasDone = before?.conditions?.some(({ type, reason }) => type === "Progressing" && reason === "UpToDate");
  const beginsAnew = wasDone === true && !isDone(counts);
  const gotOn = before?.revision !== revision || counts.updated > (before.updatedReplicas ?? 0) || beginsAnew;
  return gotOn || before?.lastProgressTime === undefined ? toTime(nowMs) : before.lastProgressTime;
}

function readiness(app: WasmAppObject, counts: Counts, placed: readonly WasmReplica[], decision: Decision): Finding {
  const type = "Ready";
  const { wanted, serving, completed } = counts;
  if (wanted === 0) {
    const message = "no node is to run the app: spec.scale.minReplicas is 0";
    return { type, status: "True", reason: "ScaledToZero", message };
  }
  if (completed > 0 && completed === wanted) {
    return { type, status: "True", reason: "Completed", message: `ran to its end on ${nodes(completed)}` };
  }
  if (serving > 0) {
    const verb = app.spec.trigger.http === undefined ? "runs" : "serves";
    const reason = app.spec.trigger.http === undefined ? "Running" : "Serving";
    return { type, status: "True", reason, message: `${verb} on ${Math.min(serving, wanted)} of ${nodes(wanted)}` };
  }
  if (decision.stopping.length > 0) {
    return { type, status: "False", reason: "Stopping", message: stoppingMessage(decision.stopping) };
  }
  const failing = placed.find(({ status }) => status?.reason !== undefined);
  if (decision.blockage !== undefined && failing === undefined) {
    return { type, status: "False", reason: decision.blockage.reason, message: decision.blockage.message };
  }
  if (failing?.status !== undefined) return { type, status: "False", ...told(failing) };
  if (placed.length === 0 && decision.placement.shortage !== undefined) {
    return { type, status: "False", reason: "NoNodeFits", message: decision.placement.shortage };
  }
  return { type, status: "False", reason: "Starting", message: `starts on ${nodes(wanted)}` };
}

function progress(
  { spec }: WasmAppObject,
  counts: Counts,
  placed: readonly WasmReplica[],
  { blockage, revision, stopping }: Decision,
  isOverdue: boolean,
): Finding {
  const type = "Progressing";
  if (blockage !== undefined) {
    const { reason, message, isWaiting = false } = blockage;
    return { type, status: isWaiting ? "True" : "False", reason, message };
  }
  if (isDone(counts)) {
    return {
      type,
      status: "False",
      reason: "UpToDate",
      message: `revision ${revision} runs on ${nodes(counts.updated)}`,
    };
  }
  const waits = stopping.length === 0 ? "" : `; ${stoppingMessage(stopping)}`;
  const done = `revision ${revision} runs on ${counts.updated} of ${nodes(counts.wanted)}${waits}`;
  if (!isOverdue) return { type, status: "True", reason: "RollingOut", message: done };
  const failing = placed.find((replica) => !isUpToDate(replica) && replica.status?.reason !== undefined);
  const why = failing === undefined ? "" : `; on ${failing.spec.nodeName}: ${told(failing).message}`;
  const message = `${done} and did not get on for ${spec.rollout.progressDeadlineSeconds} s${why}`;
  return { type, status: "False", reason: "ProgressDeadlineExceeded", message };
}

function isDone({ updated, wanted, replicas }: Counts): boolean {
  return updated >= wanted || (updated === replicas && replicas > 0);
}

function degradation(
  counts: Counts,
  placed: readonly WasmReplica[],
  { blockage, placement }: Decision,
  isOverdue: boolean,
  exposure: Finding | undefined,
): Finding {
  const type = "Degraded";
  if (blockage !== undefined && blockage.isWaiting !== true) {
    return { type, status: "True", reason: blockage.reason, message: blockage.message };
  }
  if (placement.shortage !== undefined) {
    const reason = placement.nodes.length === 0 ? "NoNodeFits" : "TooFewNodes";
    return { type, status: "True", reason, message: placement.shortage };
  }
  const failing = placed.find((replica) => !isUpToDate(replica) && replica.status?.reason !== undefined);
  if (failing !== undefined) return { type, status: "True", ...told(failing) };
  if (isOverdue && counts.updated < counts.wanted) {
    const message = `only ${counts.updated} of ${nodes(counts.wanted)} run the revision`;
    return { type, status: "True", reason: "ProgressDeadlineExceeded", message };
  }
  if (exposure?.status === "False") return { ...exposure, type, status: "True" };
  return { type, status: "False", reason: "AsExpected", message: "nothing is wrong that Wasmlet knows of" };
}

/** Commands have an end, and a condition for it, as Jobs do. */
function completion({ spec }: WasmAppObject, { completed, wanted }: Counts, placed: readonly WasmReplica[]): Finding[] {
  if (spec.trigger.command === undefined) return [];
  const type = "Complete";
  if (completed > 0 && completed === wanted) {
    return [{ type, status: "True", reason: "Completed", message: `exit code 0 on ${nodes(completed)}` }];
  }
  const failed = placed.find(({ status }) => status?.state === "Failed" || status?.state === "BackOff");
  if (failed?.status !== undefined) return [{ type, status: "False", ...told(failed) }];
  return [{ type, status: "False", reason: "Running", message: `ended on ${completed} of ${nodes(wanted)}` }];
}

/** Returns why a replica is not well, and where. */
function told({ spec, status }: WasmReplica): Pick<Condition, "reason" | "message"> {
  const code = status?.exitCode === undefined ? "" : ` (exit code ${status.exitCode})`;
  const reason = status?.reason ?? status?.state ?? "Unknown";
  return { reason, message: `${spec.nodeName}: ${status?.message ?? reason}${code}` };
}

/** The first few of what may be thousands. */
function stoppingMessage(stopping: readonly string[]): string {
  const named = stopping.slice(0, 5).join(", ");
  const more = stopping.length > 5 ? ` and ${stopping.length - 5} more` : "";
  return `the strategy is Recreate: another revision is being stopped on ${named}${more}`;
}

function hadRevision(before: WasmAppStatus | undefined, now: WasmAppStatus): boolean {
  return before?.revision !== undefined && now.revision === before.revision;
}

function nodes(count: number): string {
  return count === 1 ? "1 node" : `${count} nodes`;
}
