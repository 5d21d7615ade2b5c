import type { EndpointSlice, RoleBinding } from "../../kube/resources.ts";
import type { WasmAppObject, WasmAppStatus, WasmReplica } from "../objects.ts";
import type { Write } from "../writer.ts";
import type { Condition } from "./conditions.ts";
import { allReplicas, changeReplicas } from "./former-pools.ts";
import type { HttpRoute } from "./http-route.ts";
import type { ObservedApp, PoolView } from "./observed.ts";
import { planApp } from "./plan.ts";
import { serving } from "./test-fixtures.ts";

/* What tests do with plans: carry them out on what was observed, until nothing is left to do. */

/** Carries a plan's writes out on what was observed, as the API server would. */
export function carryOut(observed: ObservedApp, steps: readonly (readonly Write[])[]): ObservedApp {
  const next = { ...observed };
  for (const { kind, object } of steps.flat()) {
    const keepsOthers = <T extends { metadata: { name: string } }>(list: readonly T[]): T[] =>
      list.filter(({ metadata }) => metadata.name !== object.metadata.name);
    const added = <T>(): T[] => (kind === "delete" ? [] : [object as T]);
    if (kind === "status") next.app = { ...next.app, status: (object as WasmAppObject).status! };
    else if (object.kind === "WasmReplica") {
      const known = allReplicas(next).find(({ metadata }) => metadata.name === object.metadata.name);
      const replica = { ...(object as WasmReplica), ...(known?.status && { status: known.status }) };
      const put = <T extends PoolView>(pool: T): T => ({
        ...pool,
        replicas: [...keepsOthers(pool.replicas), ...(kind === "delete" ? [] : [replica])],
      });
      const isIn = (pool: PoolView): boolean =>
        pool.replicas.some(({ spec }) => spec.runtimeName === replica.spec.runtimeName);
      if (next.formerPools.some(isIn)) {
        const formerPools = next.formerPools.map((pool) => (isIn(pool) ? put(pool) : pool));
        next.formerPools = formerPools.filter(({ replicas }) => replicas.length > 0);
      } else next.replicas = put(next).replicas;
    } else if (object.kind === "HTTPRoute") next.httpRoute = added<HttpRoute>()[0];
    else if (object.kind === "Service") next.service = kind === "delete" ? undefined : object;
    else if (object.kind === "EndpointSlice") next.slices = [...keepsOthers(next.slices), ...added<EndpointSlice>()];
    else if (object.kind === "ControllerRevision") next.revisions = [...keepsOthers(next.revisions), ...added<never>()];
    else if (object.kind === "Role") next.role = added<never>()[0];
    else if (object.kind === "RoleBinding") next.roleBinding = added<RoleBinding>()[0];
  }
  return next;
}

/** Plans and carries out until nothing is left to do, the nodes reporting in between. */
export function settle(observed: ObservedApp, report: (replica: WasmReplica) => WasmReplica = serving): ObservedApp {
  let now = observed;
  for (let round = 0; round < 20; round++) {
    const { writes } = planApp(now);
    const before = carryOut(now, writes);
    now = changeReplicas(before, report);
    const known = allReplicas(before);
    if (writes.length === 0 && allReplicas(now).every((replica, index) => replica === known[index])) return now;
  }
  throw new Error("it does not settle");
}

export function condition(status: WasmAppStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((candidate) => candidate.type === type);
}

export function kinds(steps: readonly (readonly Write[])[]): string[] {
  return steps.flat().map(({ kind, object }) => `${kind} ${object.kind}`);
}

/** Returns what is there after one plan was carried out. */
export function planned(observed: ObservedApp): ObservedApp {
  return carryOut(observed, planApp(observed).writes);
}

/** Returns the same once these nodes have done what they are asked for and said so. */
export function reported(observed: ObservedApp, ...names: string[]): ObservedApp {
  return changeReplicas(observed, (one) => (names.includes(one.spec.nodeName) ? serving(one) : one));
}
