import { describe, expect, test } from "vitest";
import type { WasmReplica, WasmRuntime } from "../objects.ts";
import { allReplicas } from "./former-pools.ts";
import type { ObservedApp, PoolView, RuntimePod } from "./observed.ts";
import { planApp } from "./plan.ts";
import { minimalApp, minimalRuntime, node, NOW_MS, observe, podOf } from "./test-fixtures.ts";
import { carryOut, condition, kinds, planned, settle } from "./test-plans.ts";

/* An app that moves from the pool `default` to the pool `edge`, on the same nodes. */

const nodes = [node("node1"), node("node2"), node("node3")];
const edgePods = new Map(nodes.map(({ name }) => [`edge-${name}`, edgePodOf(name)]));
const recreate = { rollout: { strategy: "Recreate" } };

describe("an app that moves to another pool", () => {
  test("starts there first, and is served where it was until it is served there", () => {
    const before = settle(observe({ nodes }));
    const started = planned(moved(before));
    expect(poolsOf(started)).toEqual(["default Ready", "edge undefined"]);
    expect(planApp(planned(started)).writes).toEqual([]);
    expect(addressesOf(started)).toEqual(addressesOf(before));
    expect(started.app.status?.ready).toBe("1/1");
    const served = reportedBy(started, "edge");
    const { writes } = planApp(served);
    expect(kinds(writes).filter((kind) => !kind.includes("WasmApp"))).toEqual([
      "replace EndpointSlice",
      "delete WasmReplica",
    ]);
    const after = carryOut(served, writes);
    expect(poolsOf(after)).toEqual(["edge Ready"]);
    expect(addressesOf(after)).not.toEqual(addressesOf(before));
  });

  test("keeps as many in the pool that it leaves as the new one lacks", () => {
    const app = minimalApp({ scale: { minReplicas: 3 } });
    const started = planned(moved(settle(observe({ nodes, app }))));
    expect(poolsOf(started)).toHaveLength(6);
    const [first] = started.replicas;
    const one = planned(reportedBy(started, "edge", first!.spec.nodeName));
    expect(poolsOf(one).filter((pool) => pool === "default Ready")).toHaveLength(2);
    expect(addressesOf(one)).toHaveLength(3);
    expect(one.app.status).toMatchObject({ ready: "3/3", updatedReplicas: 1 });
    expect(poolsOf(settle(one, serving))).toEqual(["edge Ready", "edge Ready", "edge Ready"]);
  });

  test("where the new pool has no room, or is not there: serves on, and says why it does not move", () => {
    const before = settle(observe({ nodes }));
    const full = planned(moved(before, { runtime: edge({ maxAppsPerNode: 1 }), nodes: fullNodes() }));
    expect(poolsOf(full)).toEqual(["default Ready"]);
    expect(condition(full.app.status, "Degraded")).toMatchObject({ status: "True", reason: "NoNodeFits" });
    const missing = planned(moved(before, { runtime: undefined, nodes: [], pods: new Map() }));
    expect(poolsOf(missing)).toEqual(["default Ready"]);
    expect(condition(missing.app.status, "Ready")).toMatchObject({ status: "True", reason: "Serving" });
    expect(condition(missing.app.status, "Degraded")).toMatchObject({ status: "True", reason: "RuntimeNotFound" });
  });

  test("on every node of a pool that has none serves on where it is", () => {
    const app = minimalApp({ placement: { everyNode: true } });
    const started = planned(moved(settle(observe({ nodes, app })), { nodes: [] }));
    expect(poolsOf(started)).toEqual(["default Ready", "default Ready", "default Ready"]);
  });

  test("has another port there where that one is taken, and each pool's endpoints have their own", () => {
    const app = minimalApp({ scale: { minReplicas: 2 } });
    const before = settle(observe({ nodes, app }));
    const started = planned(moved(before, { portFor: () => 30_000 }));
    const half = planned(reportedBy(started, "edge", started.replicas[0]!.spec.nodeName));
    expect(endpointsByPort(half)).toEqual({ 20_000: 1, 30_000: 1 });
    expect(endpointsByPort(settle(half, serving))).toEqual({ 30_000: 2 });
    expect(new Set(half.slices.map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  test("together with a new revision keeps the record of what it served", () => {
    const before = settle(observe({ nodes }));
    const app = { ...minimalApp({ env: [{ name: "A", value: "1" }] }), status: before.app.status! };
    const started = planned(moved({ ...before, app }));
    expect(started.replicas[0]?.spec.previous?.revision).toBe(before.app.status?.revision);
    const after = settle(started, serving);
    expect(after.revisions).toHaveLength(1);
    expect(after.app.status).toMatchObject({ ready: "1/1", updatedReplicas: 1 });
  });

  test("has time for that, however long ago its last rollout ended", () => {
    const before = settle(observe({ nodes }));
    const later = { ...moved(before), nowMs: NOW_MS + 3_600_000 };
    expect(condition(planned(later).app.status, "Progressing")).toMatchObject({ status: "True", reason: "RollingOut" });
  });

  test("and runs to an end is stopped where it was at once: nobody waits for an answer", () => {
    const app = minimalApp({ trigger: { command: {} } });
    const started = planned(moved(settle(observe({ nodes, app }))));
    expect(poolsOf(started)).toEqual(["edge undefined"]);
  });

  test("with strategy Recreate stops where it was before it starts", () => {
    const before = settle(observe({ nodes, app: minimalApp(recreate) }));
    const stopping = planned(moved(before));
    expect(allReplicas(stopping).map(({ spec }) => [spec.runtimeName, spec.suspend])).toEqual([["default", true]]);
    expect(addressesOf(stopping)).toEqual([]);
    expect(condition(stopping.app.status, "Ready")).toMatchObject({ status: "False", reason: "Stopping" });
    const started = planned(reportedBy(stopping, "default"));
    expect(poolsOf(started)).toEqual(["edge undefined"]);
  });

  test("with strategy Recreate serves on where it is while it cannot be had in the new pool", () => {
    const before = settle(observe({ nodes, app: minimalApp(recreate) }));
    const missing = planned(moved(before, { runtime: undefined, nodes: [], pods: new Map() }));
    expect(poolsOf(missing)).toEqual(["default Ready"]);
    expect(missing.replicas).toEqual([]);
  });

  test("with strategy Recreate does not wait for a node that is lost", () => {
    const before = settle(observe({ nodes, app: minimalApp(recreate) }));
    const lost = nodes.map(({ name }) => node(name, { isReady: false, unreadySinceMs: NOW_MS - 3_600_000 }));
    const leaving = moved(before);
    const formerPools = leaving.formerPools.map((pool) => ({ ...pool, nodes: lost }));
    expect(planned({ ...leaving, formerPools }).replicas).toHaveLength(1);
  });
});

/** Returns what is observed once an app of the pool `default` names the pool `edge`. */
function moved(before: ObservedApp, change: Partial<ObservedApp> = {}): ObservedApp {
  const former: PoolView = before;
  const { runtime, nodes: left, pods, replicas } = former;
  const pool = { runtime: edge(), nodes, pods: edgePods, replicas: [] };
  return { ...before, ...pool, formerPools: [{ runtime, nodes: left, pods, replicas }], ...change };
}

function edge(spec: Partial<WasmRuntime["spec"]> = {}): WasmRuntime {
  const runtime = minimalRuntime(spec);
  return { ...runtime, metadata: { ...runtime.metadata, name: "edge" } };
}

function fullNodes(): ObservedApp["nodes"] {
  return nodes.map(({ name }) => node(name, { replicas: 1 }));
}

function edgePodOf(nodeName: string): RuntimePod {
  return podOf(nodeName, { name: `edge-${nodeName}`, uid: `uid-edge-${nodeName}`, ip: `10.1.0.${nodeName.slice(4)}` });
}

/** Reports as the node runtime of the replica's pool does once it does what its spec asks for. */
function serving(replica: WasmReplica): WasmReplica {
  const { nodeName, revision, runtimeName, suspend } = replica.spec;
  const { name: podName, ip: podIP } = runtimeName === "edge" ? edgePodOf(nodeName) : podOf(nodeName);
  const state = suspend === true ? "Suspended" : "Ready";
  if (replica.status?.state === state && replica.status.revision === revision) return replica;
  return { ...replica, status: { state, revision, podName, podIP } };
}

/** Returns the same once a pool has done what it is asked for, on all nodes or on one. */
function reportedBy(observed: ObservedApp, pool: string, nodeName?: string): ObservedApp {
  const report = (replica: WasmReplica): WasmReplica =>
    replica.spec.runtimeName === pool && (nodeName ?? replica.spec.nodeName) === replica.spec.nodeName
      ? serving(replica)
      : replica;
  const formerPools = observed.formerPools.map((former) => ({ ...former, replicas: former.replicas.map(report) }));
  return { ...observed, replicas: observed.replicas.map(report), formerPools };
}

function poolsOf(observed: ObservedApp): string[] {
  return allReplicas(observed)
    .map(({ spec, status }) => `${spec.runtimeName} ${status?.state}`)
    .toSorted();
}

function endpointsByPort({ slices }: ObservedApp): Record<number, number> {
  return Object.fromEntries(slices.map(({ ports, endpoints }) => [ports?.[0]?.port, endpoints?.length]));
}

function addressesOf({ slices }: ObservedApp): string[] {
  return slices.flatMap(({ endpoints = [] }) => endpoints.flatMap(({ addresses }) => addresses)).toSorted();
}
