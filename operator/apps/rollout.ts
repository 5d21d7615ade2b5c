import type { AppTemplate } from "../../crds/wasm-replica/types.ts";
import type { WasmReplica } from "../objects.ts";
import { isFailing, isServing, isUpToDate } from "./replica-state.ts";

/*
 * A rollout changes one replica after another, each in place:
 *
 *   outdated ──template changed, previous kept──▶ in flight ──new revision serves──▶ up to date, previous dropped
 *
 * Replicas that serve nothing are changed at once: there is nothing to lose. Of those that serve, a few are in flight at a
 * time; one that does not become ready keeps its place, so a bad revision stops there. One that fails and has nothing to fall
 * back to gets that as soon as it is known: when it was placed, what serves elsewhere may not have been reported yet.
 */

const STARTING = new Set(["Pending", "Preparing", "Starting"]);

/** A revision and what it is. */
export interface Served {
  revision: string;
  template: AppTemplate;
}

/** What a replica is to run: the wanted revision, and what served before for as long as that is not up. */
export interface RevisionOf extends Served {
  previous?: Served;
  /** Whether nothing of it is to run for now. */
  suspend?: boolean;
}

/** Returns what each replica is to run now, by its node. */
export function planRollout(
  replicas: readonly WasmReplica[],
  wanted: Served,
  stable: Served | undefined,
): Map<string, RevisionOf> {
  const inFlight = replicas.filter((replica) => replica.spec.revision === wanted.revision && !isUpToDate(replica));
  const maxInFlight = Math.max(1, Math.ceil(replicas.length / 4));
  // What is in flight and never served takes nobody's place.
  let places = maxInFlight - inFlight.filter(({ spec }) => spec.previous !== undefined).length;
  const plan = new Map<string, RevisionOf>();
  for (const replica of replicas.toSorted((a, b) => (a.spec.nodeName < b.spec.nodeName ? -1 : 1))) {
    const { spec } = replica;
    if (spec.revision === wanted.revision) {
      plan.set(spec.nodeName, withPrevious(wanted, fallbackOf(replica, stable)));
    } else if (!isServing(replica) && spec.previous === undefined) {
      plan.set(spec.nodeName, withPrevious(wanted, stable));
    } else if (places > 0 || isStuck(replica)) {
      if (!isStuck(replica)) places--;
      plan.set(spec.nodeName, withPrevious(wanted, servedBy(replica)));
    } else plan.set(spec.nodeName, spec);
  }
  return plan;
}

/** Whether it is in the middle of a rollout that another one overtakes: it has its place already. */
function isStuck({ spec }: WasmReplica): boolean {
  return spec.previous !== undefined;
}

/** Returns what a replica that is asked for the wanted revision is to serve until that is up. */
function fallbackOf(replica: WasmReplica, stable: Served | undefined): Served | undefined {
  if (isUpToDate(replica)) return undefined;
  return replica.spec.previous ?? (isFailing(replica) ? stable : undefined);
}

/** Returns what the replica serves now, as far as is known; while it starts, what its node tries first. */
export function servedBy({ spec, status }: WasmReplica): Served {
  const { revision, template, previous } = spec;
  return previous !== undefined && status?.revision !== revision ? previous : { revision, template };
}

/** Returns a revision with what is to serve until it does; nothing where that is the same. */
export function withPrevious({ revision, template }: Served, previous: Served | undefined): RevisionOf {
  return previous === undefined || previous.revision === revision
    ? { revision, template }
    : { revision, template, previous };
}

/**
 * Returns the revision that most replicas serve now. Where none serves, it is what one of them is starting: after a
 * restart of its node that is what served before. Undefined when all there is has failed.
 */
export function servedRevision(replicas: readonly WasmReplica[]): Served | undefined {
  return servingRevision(replicas) ?? replicas.filter(isStartingAnew).map(({ spec }) => spec.previous ?? spec)[0];
}

/** Returns the revision that most replicas serve now; undefined where none serves. */
export function servingRevision(replicas: readonly WasmReplica[]): Served | undefined {
  const counts = new Map<string, { served: Served; count: number }>();
  for (const replica of replicas) {
    const { revision } = replica.status ?? {};
    const served = [replica.spec, replica.spec.previous].find((candidate) => candidate?.revision === revision);
    if (!isServing(replica) || served === undefined) continue;
    const known = counts.get(served.revision);
    counts.set(served.revision, { served, count: (known?.count ?? 0) + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]?.served;
}

/** Whether its node runtime reports it and neither serves nor fails: it may have served until its node started anew. */
function isStartingAnew({ status }: WasmReplica): boolean {
  return status !== undefined && STARTING.has(status.state);
}
