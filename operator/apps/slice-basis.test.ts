import { expect, test } from "vitest";
import type { EndpointSlice } from "../../kube/resources.ts";
import type { WasmReplica } from "../objects.ts";
import type { ObservedApp } from "./observed.ts";
import { planApp } from "./plan.ts";
import { buildReplica } from "./resources.ts";
import { buildTemplate } from "./template.ts";
import { minimalApp, node, NOW_MS, observe, podOf, serving } from "./test-fixtures.ts";

/* An operator that is behind leaves endpoints alone which another one made from what it has not heard of yet. */

const app = minimalApp();
const nodes = [node("node1")];
const good = { revision: "good", template: buildTemplate(app) };
const started: WasmReplica = buildReplica(app, "node1", "default", good, 20_000);
const at = (replica: WasmReplica, resourceVersion: string): WasmReplica => ({
  ...replica,
  metadata: { ...replica.metadata, resourceVersion },
});

function slicesOf(observed: ObservedApp, kind: string): EndpointSlice[] {
  return planApp(observed)
    .writes.flat()
    .filter((write) => write.kind === kind && write.object.kind === "EndpointSlice")
    .map(({ object }) => object as EndpointSlice);
}

function podAt(version: string, isReady: boolean): ObservedApp["pods"] {
  return new Map([["runtime-node1", podOf("node1", { version, isReady })]]);
}

/** What an operator makes that knows the replica to serve, at version 1000. */
const [slice] = slicesOf(observe({ app, nodes, replicas: [at(serving(started), "1000")] }), "create");
const behind = observe({ app, nodes, replicas: [at(started, "999")], replicasVersion: "999", slices: [slice!] });

test("slice basis: endpoints made from newer replicas than are known here stay, for a while", () => {
  expect(slicesOf(behind, "delete")).toEqual([]);
  expect(planApp(behind).requeueAfterMs).toBeLessThanOrEqual(60_000);
  const later = { ...behind, nowMs: NOW_MS + 60_000 };
  expect(slicesOf(later, "delete")).toHaveLength(1);
});

test.each([
  ["the replica that it was made from", { replicas: [at(started, "1001")] }],
  ["everything up to there, in which the replica is gone", { replicas: [], replicasVersion: "1000" }],
])("slice basis: who knows %s takes them away", (_what, change) => {
  expect(slicesOf({ ...behind, ...change }, "delete")).toHaveLength(1);
});

test("slice basis: newer replicas that serve as before are no reason to write", () => {
  const newer = { ...behind, replicas: [at(serving(started), "2000")] };
  expect(slicesOf(newer, "replace")).toEqual([]);
  const [written] = slicesOf({ ...newer, slices: [{ ...slice!, endpoints: [] }] }, "replace");
  expect(written?.metadata.annotations).toMatchObject({ "wasmlet.dev/replicas-version": "2000" });
});

test("slice basis: endpoints made from a newer pod than is known here stay, for a while", () => {
  const replicas = [serving(started)];
  const [made] = slicesOf(observe({ app, nodes, replicas, pods: podAt("1000", true) }), "create");
  expect(made?.metadata.annotations).toMatchObject({ "wasmlet.dev/pods-version": "1000" });
  const stale = observe({ app, nodes, replicas, pods: podAt("900", false), podsVersion: "999", slices: [made!] });
  expect(slicesOf(stale, "replace")).toEqual([]);
  expect(slicesOf({ ...stale, nowMs: NOW_MS + 60_000 }, "replace")).toHaveLength(1);
  expect(slicesOf({ ...stale, podsVersion: "1000" }, "replace")).toHaveLength(1);
});
