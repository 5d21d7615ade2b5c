import { describe, expect, test } from "vitest";
import type { Service } from "../../kube/resources.ts";
import type { WasmReplica } from "../objects.ts";
import type { ObservedApp } from "./observed.ts";
import { planApp } from "./plan.ts";
import { minimalApp, node, NOW_MS, observe, podOf, serving } from "./test-fixtures.ts";
import { condition, kinds, planned, reported, settle } from "./test-plans.ts";

describe("rollout with strategy Recreate", () => {
  const spec = { scale: { minReplicas: 3 }, rollout: { strategy: "Recreate", progressDeadlineSeconds: 60 } };
  const newer = { env: [{ name: "A", value: "1" }] };
  const before = settle(observe({ app: minimalApp(spec) }));
  const old = before.replicas[0]!.spec.revision;
  const changed = (settled: ObservedApp, change: object = newer): ObservedApp => ({
    ...settled,
    app: { ...settled.app, spec: minimalApp({ ...spec, ...change }).spec },
  });
  /** What replicas are asked for: `old`, `new`, or `old stops`. */
  const asked = ({ replicas }: ObservedApp): string[] =>
    replicas
      .map((replica) => replica.spec)
      .toSorted((a, b) => (a.nodeName < b.nodeName ? -1 : 1))
      .map(({ revision, suspend }) => `${revision === old ? "old" : "new"}${suspend === true ? " stops" : ""}`);

  test("stops the old revision everywhere and takes its endpoints away, before anything else", () => {
    const stopping = planned(changed(before));
    expect(asked(stopping)).toEqual(["old stops", "old stops", "old stops"]);
    expect(stopping.slices).toEqual([]);
    const message: unknown = expect.stringContaining("is being stopped on node1, node2, node3");
    expect(condition(stopping.app.status, "Ready")).toMatchObject({ status: "False", reason: "Stopping", message });
    expect(condition(stopping.app.status, "Progressing")).toMatchObject({
      status: "True",
      reason: "RollingOut",
      message,
    });
  });

  test("starts the new one nowhere until every node has stopped the old one, and then everywhere", () => {
    const most = planned(reported(planned(changed(before)), "node1", "node2"));
    expect(asked(most)).toEqual(["old stops", "old stops", "old stops"]);
    expect(condition(most.app.status, "Ready")?.message).toMatch(/stopped on node3$/);
    const started = planned(reported(most, "node3"));
    expect(asked(started)).toEqual(["new", "new", "new"]);
    expect(started.replicas.every((replica) => replica.spec.previous === undefined)).toBe(true);
    const { app: done } = settle(started);
    expect(done.status).toMatchObject({ ready: "3/3", updatedReplicas: 3 });
  });

  test("what a node says of an earlier version of the replica does not count", () => {
    const stopping = reported(planned(changed(before)), "node1", "node2", "node3");
    const replicas = stopping.replicas.map((one) => ({ ...one, metadata: { ...one.metadata, generation: 7 } }));
    expect(asked(planned({ ...stopping, replicas }))).toEqual(["old stops", "old stops", "old stops"]);
  });

  test("a replica that leaves its node stops before it is deleted, and before the others start", () => {
    const stopping = planned(changed(before, { ...newer, scale: { minReplicas: 2 } }));
    expect(asked(stopping)).toEqual(["old stops", "old stops", "old stops"]);
    const started = planned(reported(stopping, "node1", "node2", "node3"));
    expect(asked(started)).toEqual(["new", "new"]);
  });

  test("something stands in its way: a replica that leaves its node stops all the same before it is deleted", () => {
    const { spec: resolving } = minimalApp({
      ...spec,
      source: { oci: { image: "example.com/a:1" } },
      scale: { minReplicas: 1 },
    });
    const stopping = planned({ ...before, app: { ...before.app, spec: resolving } });
    expect(condition(stopping.app.status, "Progressing")).toMatchObject({ reason: "ResolvingImage" });
    expect(asked(stopping).toSorted()).toEqual(["old", "old stops", "old stops"]);
    const names = stopping.replicas.filter((one) => one.spec.suspend === true).map((one) => one.spec.nodeName);
    expect(asked(planned(reported(stopping, ...names)))).toEqual(["old"]);
  });

  test("another pod of a node that may run it is waited for; one that waits to be started is not", () => {
    const all = reported(planned(changed(before)), "node1", "node2", "node3");
    const withPod = (change: object): ObservedApp => ({
      ...all,
      pods: new Map([...all.pods, ["older", podOf("node1", { name: "older", ...change })]]),
    });
    expect(asked(planned(withPod({ isTerminating: true })))).toEqual(["old stops", "old stops", "old stops"]);
    expect(asked(planned(withPod({ isReady: false, isRunning: false })))).toEqual(["new", "new", "new"]);
  });

  test("a node without a pod runs nothing", () => {
    const most = reported(planned(changed(before)), "node1", "node2");
    const pods = new Map([...most.pods].filter(([, { nodeName }]) => nodeName !== "node3"));
    const started = planned({ ...most, pods });
    expect(asked(started)).toEqual(["new", "new", "new"]);
    expect(kinds(planApp(started).writes).filter((kind) => kind.endsWith("Replica"))).toEqual([]);
  });

  test("a node that is gone is not waited for; one that is unready is, until it counts as lost", () => {
    const most = reported(planned(changed(before)), "node1", "node2");
    const without = { ...most, nodes: most.nodes.filter(({ name }) => name !== "node3") };
    expect(asked(planned(without))).toEqual(["new", "new"]);
    const unready = withUnready(most, ["node3"]);
    expect(asked(planned(unready))).toEqual(["old stops", "old stops", "old stops"]);
    expect(planApp(unready).requeueAfterMs).toBe(10_000);
    const lost = planned({ ...unready, nowMs: NOW_MS + 10_000 });
    expect(asked(lost)).toEqual(["new", "new", "old stops"]);
    const back = planned(reported({ ...lost, nodes: most.nodes }, "node1", "node2"));
    expect(asked(back)).toEqual(["new", "new", "old stops"]);
    expect(back.slices[0]?.endpoints).toHaveLength(2);
    expect(asked(planned(reported(back, "node3")))).toEqual(["new", "new", "new"]);
  });

  test("a revision that does not get up leaves nothing that serves, and is overdue in time", () => {
    const stuck = settle(changed(before), newerFails);
    expect(condition(stuck.app.status, "Ready")).toMatchObject({ status: "False", reason: "ARTIFACT_INVALID" });
    const later = settle({ ...stuck, nowMs: NOW_MS + 60_000 }, newerFails);
    expect(condition(later.app.status, "Progressing")).toMatchObject({ reason: "ProgressDeadlineExceeded" });
    const back = planned(changed(later, {}));
    expect(asked(back)).toEqual(["new stops", "new stops", "new stops"]);
    expect(asked(settle(back, newerFails))).toEqual(["old", "old", "old"]);
  });

  test("an edit that is taken back while the old one stops starts that again at once", () => {
    expect(asked(planned(changed(planned(changed(before)), {})))).toEqual(["old", "old", "old"]);
  });

  test("a strategy that becomes Recreate in the middle of a rolling update stops what still runs first", () => {
    const rolling = settle(observe({ app: minimalApp({ scale: { minReplicas: 3 } }) }));
    const { replicas } = planned({
      ...rolling,
      app: { ...rolling.app, spec: minimalApp({ scale: { minReplicas: 3 }, ...newer }).spec },
    });
    expect(replicas.filter((replica) => replica.spec.previous !== undefined)).toHaveLength(1);
    expect(asked(planned(changed({ ...rolling, replicas }))).every((wish) => wish.endsWith("stops"))).toBe(true);
  });

  test.each(["old", "new"])("something stands in its way: a rolling update ends where %s runs", (running) => {
    const rolling = settle(observe({ app: minimalApp({ scale: { minReplicas: 1 } }) }));
    const updating = planned({
      ...rolling,
      app: { ...rolling.app, spec: minimalApp({ scale: { minReplicas: 1 }, ...newer }).spec },
    });
    const [replica] = updating.replicas;
    expect(replica?.spec.previous?.revision).toBe(old);
    const blocked = changed({
      ...updating,
      service: foreignService(),
      replicas: running === "new" ? [serving(replica!)] : [replica!],
    });
    const ended = planned({
      ...blocked,
      app: { ...blocked.app, spec: { ...blocked.app.spec, scale: rolling.app.spec.scale } },
    });
    expect(condition(ended.app.status, "Degraded")).toMatchObject({ reason: "ServiceConflict" });
    expect(asked(ended)).toEqual([running]);
    expect(ended.replicas[0]?.spec.previous).toBeUndefined();
  });
});

/** Returns the same with some of its nodes not ready. */
function withUnready(observed: ObservedApp, names: readonly string[]): ObservedApp {
  const nodes = observed.nodes.filter(({ name }) => !names.includes(name));
  const unready = names.map((name) => node(name, { isReady: false, unreadySinceMs: NOW_MS }));
  return { ...observed, nodes: [...nodes, ...unready] };
}

/** Reports as a node does on which no app gets up that has variables. */
function newerFails(replica: WasmReplica): WasmReplica {
  if (replica.spec.suspend === true || replica.spec.template.env.length === 0) return serving(replica);
  if (replica.status?.reason !== undefined) return replica;
  return { ...replica, status: { state: "BackOff", reason: "ARTIFACT_INVALID", message: "not a module" } };
}

function foreignService(): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "hello", namespace: "default", uid: "other" } };
}
