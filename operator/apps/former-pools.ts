import type { WasmReplica } from "../objects.ts";
import type { ObservedApp, PoolView, RuntimeNode } from "./observed.ts";
import type { Placement } from "./placement.ts";
import { isFailing, isServing } from "./replica-state.ts";

/*
 * An app that is moved to another pool has replicas of both for a while, also on the same node: those of the pool that it
 * leaves go as those of the new one come to serve. Nothing in it changes meanwhile, its revision least of all.
 */

/** Returns all replicas of an app, whatever their pool. */
export function allReplicas({ replicas, formerPools }: Pick<ObservedApp, "replicas" | "formerPools">): WasmReplica[] {
  return [...replicas, ...formerPools.flatMap((pool) => pool.replicas)];
}

/** Returns the same with every replica changed. */
export function changeReplicas(observed: ObservedApp, change: (replica: WasmReplica) => WasmReplica): ObservedApp {
  const changed = <T extends PoolView>(pool: T): T => ({ ...pool, replicas: pool.replicas.map(change) });
  return { ...changed(observed), formerPools: observed.formerPools.map(changed) };
}

/**
 * Returns the replicas of pools that an app leaves that are still of use: as many as the new pool lacks, those first that
 * serve. What runs to an end is started in the new pool and stopped here at once: nothing waits for an answer of it.
 */
export function ofUse(observed: ObservedApp, placement: Placement): WasmReplica[] {
  const { app, formerPools, nodes, replicas, runtime } = observed;
  const former = formerPools.flatMap((pool) => remaining(pool).map((replica) => ({ replica, pool })));
  // Without its pool nothing moves.
  if (runtime === undefined) return former.map(({ replica }) => replica);
  if (app.spec.trigger.http === undefined) return [];
  const taken = replicas.filter((replica) => isServing(replica) && isUp(nodes, replica)).length;
  // On every node of a pool that has none: there is nowhere to move to.
  const isNowhere = app.spec.placement?.everyNode === true && placement.wanted === 0;
  const wanted = isNowhere ? former.length : placement.wanted;
  return former
    .filter(({ replica }) => !isFailing(replica))
    .toSorted((a, b) => rank(a.replica, a.pool) - rank(b.replica, b.pool) || byName(a.replica, b.replica))
    .slice(0, Math.max(0, wanted - taken))
    .map(({ replica }) => replica);
}

/** Returns the replicas of a pool whose node is still in it. */
export function remaining({ nodes, replicas }: PoolView): WasmReplica[] {
  return replicas.filter(({ spec }) => nodes.some(({ name }) => name === spec.nodeName));
}

/** Those come first that serve on nodes that are up. */
function rank(replica: WasmReplica, { nodes }: PoolView): number {
  return (isServing(replica) ? 0 : 2) + (isUp(nodes, replica) ? 0 : 1);
}

function isUp(nodes: readonly RuntimeNode[], { spec }: WasmReplica): boolean {
  return nodes.some(({ name, isReady }) => name === spec.nodeName && isReady);
}

function byName(a: WasmReplica, b: WasmReplica): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
