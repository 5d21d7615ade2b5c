import { describe, expect, test } from "vitest";
import type { WasmAppObject, WasmReplica } from "../objects.ts";
import type { ObservedApp } from "./observed.ts";
import { planApp } from "./plan.ts";
import { minimalApp, minimalRuntime, node, NOW_MS, observe, podOf } from "./test-fixtures.ts";
import { condition, kinds, settle } from "./test-plans.ts";

describe("endpoints", () => {
  const settled = settle(observe());
  const nodeName = settled.replicas[0]!.spec.nodeName;
  const withPod = (change: object): ObservedApp => ({
    ...settled,
    pods: new Map([[`runtime-${nodeName}`, podOf(nodeName, change)]]),
  });
  const recovering = (sinceMs: number): ObservedApp => {
    const observed = withUnready(settled, [nodeName]);
    const nodes = observed.nodes.map((one) =>
      one.name !== nodeName ? { ...one, readySinceMs: NOW_MS - sinceMs } : one,
    );
    return { ...observed, nodes };
  };

  test.each([
    ["of a pod that ends", { isTerminating: true }, { ready: false, serving: true, terminating: true }],
    ["of a pod that is not ready", { isReady: false }, { ready: false, serving: false, terminating: false }],
  ])("%s are not ready", (_what, change, conditions) => {
    expect(endpoints(withPod(change))).toMatchObject([{ conditions }]);
  });

  test("of a pod that is gone, or whose address went to another, are not there", () => {
    expect(endpoints({ ...settled, pods: new Map() })).toEqual([]);
    expect(endpoints(withPod({ ip: "10.9.9.9" }))).toEqual([]);
  });

  test("a pod that is gone: what it reported is taken back, so that its successor reports", () => {
    const { writes } = planApp({ ...settled, pods: new Map(), isGone: (name) => name === `runtime-${nodeName}` });
    expect(writes.flat()[0]).toMatchObject({
      kind: "status",
      object: { status: { state: "Pending", reason: "PodGone" } },
    });
    expect((writes.flat()[0]!.object as WasmReplica).status).not.toHaveProperty("podName");
  });

  test("a pod that is gone with its pool: the app is told not to be ready at once, nobody else reports any more", () => {
    const gone = { ...settled, runtime: undefined, pods: new Map(), isGone: () => true };
    const status = planApp(gone)
      .writes.flat()
      .find(({ kind, object }) => kind === "status" && object.kind === "WasmApp");
    expect(condition((status!.object as WasmAppObject).status, "Ready")).toMatchObject({ status: "False" });
  });

  test("of a node that is unready are not ready, unless most of the pool is: then nobody has heard of them", () => {
    expect(endpoints(withUnready(settled, [nodeName]))).toMatchObject([{ conditions: { ready: false } }]);
    expect(endpoints(withUnready(settled, ["node1", "node2", "node3"]))).toMatchObject([
      { conditions: { ready: true } },
    ]);
  });

  test("of a node that is unready are ready while others that were so too are heard of one after another", () => {
    expect(endpoints(recovering(5000))).toMatchObject([{ conditions: { ready: true } }]);
    expect(planApp(recovering(5000)).requeueAfterMs).toBeLessThanOrEqual(25_000);
    expect(endpoints(recovering(31_000))).toMatchObject([{ conditions: { ready: false } }]);
  });

  test("more than a hundred fill several slices, and a change touches one", () => {
    const nodes = Array.from({ length: 250 }, (_, index) => node(`node${index}`));
    const app = minimalApp({ placement: { everyNode: true } });
    const many = settle(observe({ app, nodes, runtime: minimalRuntime() }));
    expect(many.slices.map((slice) => slice.endpoints?.length)).toEqual([100, 100, 50]);
    const gone = many.nodes.filter(({ name }) => name !== "node7");
    const { writes } = planApp({ ...many, nodes: gone });
    expect(kinds(writes).filter((kind) => kind.includes("EndpointSlice"))).toEqual(["replace EndpointSlice"]);
  });
});

/** Returns the same with some of its nodes not ready. */
function withUnready(observed: ObservedApp, names: readonly string[]): ObservedApp {
  const nodes = observed.nodes.filter(({ name }) => !names.includes(name));
  const unready = names.map((name) => node(name, { isReady: false, unreadySinceMs: NOW_MS }));
  return { ...observed, nodes: [...nodes, ...unready] };
}

function endpoints(observed: ObservedApp): unknown[] {
  return settle(observed).slices[0]?.endpoints ?? [];
}
