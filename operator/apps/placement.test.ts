import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildReplica } from "./resources.ts";
import { placeApp } from "./placement.ts";
import { buildTemplate } from "./template.ts";
import { minimalApp, minimalRuntime, node, NOW_MS, serving } from "./test-fixtures.ts";
import type { RuntimeNode } from "./observed.ts";
import type { WasmAppObject, WasmReplica } from "../objects.ts";

function replicaOn(app: WasmAppObject, nodeName: string): WasmReplica {
  return serving(buildReplica(app, nodeName, "default", { revision: "a", template: buildTemplate(app) }, 20_000));
}

function place(
  app: WasmAppObject,
  nodes: readonly RuntimeNode[],
  on: readonly string[] = [],
  runtime = minimalRuntime(),
) {
  return placeApp(
    app,
    runtime,
    nodes,
    on.map((name) => replicaOn(app, name)),
    NOW_MS,
  );
}

function zoneOf(zone: string, name: string, replicas: number): RuntimeNode {
  return node(name, { labels: { zone }, replicas });
}

function spread(whenUnsatisfiable: string): WasmAppObject {
  return minimalApp({
    scale: { minReplicas: 2 },
    placement: { topologySpread: [{ topologyKey: "zone", whenUnsatisfiable }] },
  });
}

const THREE = [node("node1"), node("node2"), node("node3")];

describe("placement", () => {
  test("takes the nodes with the fewest replicas", () => {
    const nodes = [node("node1", { replicas: 5 }), node("node2", { replicas: 1 }), node("node3", { replicas: 3 })];
    expect(place(minimalApp({ scale: { minReplicas: 2 } }), nodes).nodes).toEqual(["node2", "node3"]);
  });

  test("keeps what is placed, whatever the load", () => {
    const nodes = [node("node1", { replicas: 90 }), node("node2"), node("node3")];
    expect(place(minimalApp({ scale: { minReplicas: 2 } }), nodes, ["node1"]).nodes).toHaveLength(2);
    expect(place(minimalApp({ scale: { minReplicas: 2 } }), nodes, ["node1"]).nodes).toContain("node1");
  });

  test("gives a node one replica of an app at most, and says what is missing", () => {
    const placement = place(minimalApp({ scale: { minReplicas: 5 } }), THREE);
    expect(placement.nodes).toHaveLength(3);
    expect(placement.shortage).toContain("3 of 5 wanted nodes");
  });

  test("scales down from the busiest node, and from those that do not serve first", () => {
    const nodes = [node("node1", { replicas: 1 }), node("node2", { replicas: 9 }), node("node3", { replicas: 2 })];
    expect(place(minimalApp(), nodes, ["node1", "node2", "node3"]).nodes).toEqual(["node1"]);
    const app = minimalApp();
    const idle = { ...replicaOn(app, "node1"), status: { state: "Failed" as const } };
    const placed = placeApp(app, minimalRuntime(), nodes, [idle, replicaOn(app, "node2")], NOW_MS);
    expect(placed.nodes).toEqual(["node2"]);
  });

  test.each([
    ["a node that is cordoned", node("node1", { isCordoned: true }), "1 are cordoned"],
    ["a node that is not ready", node("node1", { isReady: false, unreadySinceMs: NOW_MS }), "1 are not ready"],
    ["a node without a ready pod", node("node1", { takesApps: false }), "1 have no ready node runtime"],
    ["a node that is full", node("node1", { replicas: 100 }), "1 run maxAppsPerNode (100) apps already"],
  ])("passes over %s", (_what, bad, reason) => {
    expect(place(minimalApp(), [bad, node("node2")]).nodes).toEqual(["node2"]);
    const placement = place(minimalApp(), [bad]);
    expect(placement.nodes).toEqual([]);
    expect(placement.shortage).toContain(reason);
  });

  test("keeps a replica on a node that is cordoned or was lost a moment ago", () => {
    const lost = node("node1", { isReady: false, unreadySinceMs: NOW_MS - 9999 });
    expect(place(minimalApp(), [lost, node("node2")], ["node1"]).nodes).toEqual(["node1"]);
    expect(place(minimalApp(), [node("node1", { isCordoned: true }), node("node2")], ["node1"]).nodes).toEqual([
      "node1",
    ]);
  });

  test("replaces a replica on a node that is lost, and keeps it where there is no other node", () => {
    const lost = node("node1", { isReady: false, unreadySinceMs: NOW_MS - 10_000 });
    expect(place(minimalApp(), [lost, node("node2")], ["node1"]).nodes).toEqual(["node2"]);
    expect(place(minimalApp(), [lost], ["node1"]).nodes).toEqual(["node1"]);
  });

  test("leaves a node that is gone at once", () => {
    expect(place(minimalApp(), [node("node2")], ["node1"]).nodes).toEqual(["node2"]);
  });

  test("follows placement.nodeSelector, also when a node loses the label", () => {
    const app = minimalApp({ placement: { nodeSelector: { disk: "ssd" } } });
    const nodes = [node("node1"), node("node2", { labels: { disk: "ssd" } })];
    expect(place(app, nodes).nodes).toEqual(["node2"]);
    expect(place(app, nodes, ["node1"]).nodes).toEqual(["node2"]);
    expect(place(app, [node("node1")]).shortage).toContain("1 do not match placement.nodeSelector");
  });

  test("everyNode: takes every node that fits, and stays on those that are cordoned later", () => {
    const app = minimalApp({ placement: { everyNode: true } });
    const nodes = [node("node1", { isCordoned: true }), node("node2"), node("node3", { isCordoned: true })];
    expect(place(app, nodes, ["node1"])).toMatchObject({ nodes: ["node1", "node2"], wanted: 2 });
  });

  test("topologySpread: fills zones evenly, whatever the load", () => {
    const nodes = [
      zoneOf("a", "node1", 0),
      zoneOf("a", "node2", 0),
      zoneOf("b", "node3", 50),
      zoneOf("b", "node4", 51),
    ];
    const app = minimalApp({
      scale: { minReplicas: 2 },
      placement: { topologySpread: [{ topologyKey: "zone", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" }] },
    });
    expect(place(app, nodes).nodes).toContain("node3");
    const three = { ...app, spec: { ...app.spec, scale: { ...app.spec.scale, minReplicas: 4 } } };
    expect(place(three, nodes).nodes).toHaveLength(4);
    expect(place(three, nodes.slice(0, 3)).nodes).toHaveLength(3);
  });

  test("topologySpread: DoNotSchedule leaves replicas out rather than skew", () => {
    const nodes = [
      node("node1", { labels: { zone: "a" } }),
      node("node2", { labels: { zone: "a" } }),
      node("node3", { labels: { zone: "b" }, isCordoned: true }),
    ];
    expect(place(spread("DoNotSchedule"), nodes).nodes).toHaveLength(1);
    expect(place(spread("ScheduleAnyway"), nodes).nodes).toEqual(["node1", "node2"]);
  });

  test("property: never exceeds what is wanted, never leaves a fitting node unused that is needed, is stable", () => {
    const nodes = fc.array(
      fc.record({
        isReady: fc.boolean(),
        isCordoned: fc.boolean(),
        takesApps: fc.boolean(),
        replicas: fc.integer({ min: 0, max: 120 }),
        agoMs: fc.integer({ min: 0, max: 20_000 }),
        isPlaced: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(nodes, fc.integer({ min: 0, max: 8 }), (states, minReplicas) => {
        const all = states.map(({ agoMs, isPlaced: _placed, ...state }, index) =>
          node(`node${index}`, { ...state, ...(!state.isReady && { unreadySinceMs: NOW_MS - agoMs }) }),
        );
        const on = states.flatMap(({ isPlaced }, index) => (isPlaced ? [`node${index}`] : []));
        const app = minimalApp({ scale: { minReplicas } });
        const placement = place(app, all, on);
        expect(placement.nodes.length).toBeLessThanOrEqual(minReplicas);
        const usable = all.filter((one) => one.isReady && !one.isCordoned && one.takesApps && one.replicas < 100);
        if (placement.nodes.length < minReplicas) {
          expect(placement.nodes).toEqual(expect.arrayContaining(usable.map(({ name }) => name)));
          expect(placement.shortage).toBeDefined();
        }
        expect(place(app, all, placement.nodes).nodes).toEqual(placement.nodes);
      }),
    );
  });
});
