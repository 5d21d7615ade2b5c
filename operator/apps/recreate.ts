import type { WasmReplica } from "../objects.ts";
import { remaining } from "./former-pools.ts";
import type { ObservedApp, PoolView } from "./observed.ts";
import { isLost } from "./placement.ts";
import { isReportedServing } from "./replica-state.ts";
import { servedBy, type RevisionOf, type Served } from "./rollout.ts";

/*
 * A rollout with strategy Recreate: no two revisions of an app run at the same time, on whatever nodes.
 *
 *   outdated ──suspend──▶ stopping ──its node reports Suspended──▶ stopped ──when all others are──▶ the wanted revision
 *
 * A replica is suspended in place and not deleted: a node says of a replica that it stopped it, and nothing of one that is
 * gone. So one that leaves its node is suspended first, too. Its revision changes only once it is stopped; what is not
 * suspended has therefore never run anything but its revision.
 *
 * Nobody waits for a node that is gone or lost. What is lost may run on where nobody hears of it, without an endpoint: it
 * stays suspended, so that it stops first when it is back.
 */

/** What becomes of replicas in pools that an app leaves, and on which nodes they still have to stop. */
export interface Departure {
  former: WasmReplica[];
  stopping: string[];
}

/** Returns what the replicas of other pools are to be: stopped before any starts in the new one, or all as they are where none can. */
export function planDeparture({ formerPools, nowMs }: ObservedApp, isPossible: boolean): Departure {
  if (!isPossible) return { former: formerPools.flatMap(remaining), stopping: [] };
  const stopping = formerPools.flatMap((pool) =>
    pool.replicas.filter((replica) => isReachable({ ...pool, nowMs }, replica) && !isStopped(pool, replica)),
  );
  const former = stopping.map((replica) => ({ ...replica, spec: { ...replica.spec, ...suspended(replica) } }));
  return { former: former.map(withoutPrevious), stopping: stopping.map(({ spec }) => spec.nodeName) };
}

function withoutPrevious(replica: WasmReplica): WasmReplica {
  const { previous: _previous, ...spec } = replica.spec;
  return { ...replica, spec };
}

/** What replicas are to run, and what that waits for. */
export interface Recreation {
  /** By node. A node that is placed and not in it gets its replica later. */
  replicas: Map<string, RevisionOf>;
  /** Nodes that may still run another revision. */
  stopping: string[];
}

/**
 * Returns what the replicas of an app are to run now, those that leave their node included. Where the wanted revision cannot
 * be had, those that stay go on with what they run, and new ones run what serves elsewhere, if that is the same everywhere.
 */
export function planRecreation(
  observed: ObservedApp,
  nodes: readonly string[],
  wanted: Served | undefined,
  stable: Served | undefined,
  elsewhere: readonly string[] = [],
): Recreation {
  const { replicas } = observed;
  const isLeaving = ({ spec }: WasmReplica): boolean => !nodes.includes(spec.nodeName);
  const staying = replicas.filter(
    (replica) =>
      (isLeaving(replica) || runsAnother(observed, replica, wanted?.revision)) &&
      isReachable(observed, replica) &&
      !isStopped(observed, replica),
  );
  const stopping = [...elsewhere, ...staying.map(({ spec }) => spec.nodeName)].toSorted();
  const plan = new Map<string, RevisionOf>();
  for (const replica of replicas) {
    const { nodeName } = replica.spec;
    if (isLeaving(replica)) {
      if (staying.includes(replica)) plan.set(nodeName, suspended(replica));
    } else if (wanted === undefined) {
      plan.set(nodeName, settled(replica));
    } else if (runsAnother(observed, replica, wanted.revision)) {
      const mayStart = stopping.length === 0 && isStopped(observed, replica);
      plan.set(nodeName, mayStart ? wanted : suspended(replica));
    } else plan.set(nodeName, replica.spec.suspend === true && stopping.length > 0 ? suspended(replica) : wanted);
  }
  const added = wanted ?? (isOnly(observed, stable) ? stable : undefined);
  if (stopping.length === 0 && added !== undefined) {
    for (const node of nodes) if (!plan.has(node)) plan.set(node, added);
  }
  return { replicas: plan, stopping };
}

/** Whether a revision is the only one that any replica runs or is asked for. */
function isOnly(observed: ObservedApp, stable: Served | undefined): boolean {
  if (observed.formerPools.length > 0) return false;
  return observed.replicas.every((replica) => !runsAnother(observed, replica, stable?.revision));
}

/** What a rolling update left in the middle keeps one of its two revisions: a pod that starts anew would run the other beside it. */
function settled(replica: WasmReplica): RevisionOf {
  return replica.spec.previous === undefined ? replica.spec : servedBy(replica);
}

function suspended({ spec: { revision, template } }: WasmReplica): RevisionOf {
  return { revision, template, suspend: true };
}

/** Whether it is asked for, or reported by a pod that runs, in another revision. */
function runsAnother({ pods }: ObservedApp, replica: WasmReplica, revision: string | undefined): boolean {
  if (revision === undefined) return false;
  const { spec, status } = replica;
  if (spec.revision !== revision || spec.previous !== undefined) return true;
  const isTold = pods.get(status?.podName ?? "")?.isRunning === true;
  return isTold && isReportedServing(replica) && status?.revision !== revision;
}

function isReachable({ nodes, runtime, nowMs }: PoolView & { nowMs: number }, { spec }: WasmReplica): boolean {
  const node = nodes.find(({ name }) => name === spec.nodeName);
  if (node === undefined) return false;
  return runtime === undefined ? node.isReady : !isLost(node, runtime, nowMs);
}

/**
 * Whether nothing of it runs: every pod of its node that runs says so; a pod that starts later finds it suspended. While
 * the DaemonSet rolls a node has two pods, of which one speaks: then it is known when the other is gone.
 */
function isStopped({ pods }: Pick<PoolView, "pods">, { metadata, spec, status }: WasmReplica): boolean {
  if (spec.suspend !== true) return false;
  const isTold = status?.state === "Suspended" && (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  return [...pods.values()]
    .filter(({ nodeName, isRunning }) => nodeName === spec.nodeName && isRunning)
    .every(({ name }) => isTold && status.podName === name);
}
