import { describe, expect, test } from "vitest";
import type { WasmReplica } from "../objects.ts";
import type { ObservedApp } from "./observed.ts";
import { planApp } from "./plan.ts";
import { minimalApp, node, NOW_MS, observe, serving } from "./test-fixtures.ts";
import { carryOut, condition, kinds, planned, settle } from "./test-plans.ts";

describe("rollout", () => {
  const spec = { scale: { minReplicas: 3 }, rollout: { progressDeadlineSeconds: 60 } };
  const before = settle(observe({ app: minimalApp(spec) }));
  const changed = (settled: ObservedApp, change: object): ObservedApp => ({
    ...settled,
    app: {
      ...settled.app,
      spec: minimalApp({ ...spec, ...change }).spec,
      metadata: { ...settled.app.metadata, generation: 2 },
    },
  });

  test("changes one replica at a time, keeps what served before in it, and writes the old revision down", () => {
    const observed = changed(before, { env: [{ name: "A", value: "1" }] });
    const { writes } = planApp(observed);
    expect(kinds(writes)).toEqual(["create ControllerRevision", "replace WasmReplica", "status WasmApp"]);
    const old = before.replicas[0]!.spec;
    expect(writes.flat()[1]?.object).toMatchObject({
      spec: { previous: { revision: old.revision, template: old.template } },
    });
    const { app } = carryOut(observed, writes);
    expect(condition(app.status, "Progressing")).toMatchObject({ status: "True", reason: "RollingOut" });
    expect(condition(app.status, "Ready")).toMatchObject({ status: "True" });
  });

  test("ends with the new revision everywhere, and without previous ones", () => {
    const after = settle(changed(before, { env: [{ name: "A", value: "1" }] }));
    const revisions = new Set(after.replicas.map((replica) => replica.spec.revision));
    expect(revisions.size).toBe(1);
    expect(revisions).not.toContain(before.replicas[0]?.spec.revision);
    expect(after.replicas.every(({ spec: { previous } }) => previous === undefined)).toBe(true);
    expect(after.app.status).toMatchObject({ updatedReplicas: 3, ready: "3/3" });
  });

  test("a revision that does not become ready stops at the first replica, and is overdue in time", () => {
    const stuck = settle(changed(before, { env: [{ name: "A", value: "1" }] }), bad);
    const touched = stuck.replicas.filter((replica) => replica.spec.previous !== undefined);
    expect(touched).toHaveLength(1);
    expect(stuck.slices[0]?.endpoints).toHaveLength(3);
    expect(condition(stuck.app.status, "Degraded")).toMatchObject({ status: "True", reason: "ARTIFACT_INVALID" });
    expect(planApp(stuck).requeueAfterMs).toBe(60_000);
    const later = settle({ ...stuck, nowMs: NOW_MS + 60_000 }, bad);
    expect(condition(later.app.status, "Progressing")).toMatchObject({
      status: "False",
      reason: "ProgressDeadlineExceeded",
      message: expect.stringContaining("not a module") as string,
    });
    expect(condition(later.app.status, "Ready")).toMatchObject({ status: "True" });
    const back = settle(changed(later, {}), serving);
    expect(new Set(back.replicas.map((replica) => replica.spec.revision))).toEqual(
      new Set([before.replicas[0]?.spec.revision]),
    );
    expect(condition(back.app.status, "Progressing")).toMatchObject({ reason: "UpToDate" });
  });

  test("a replica that is placed meanwhile serves what the others serve", () => {
    const stuck = settle(changed(before, { env: [{ name: "A", value: "1" }] }), bad);
    const more = {
      ...stuck,
      app: { ...stuck.app, spec: { ...stuck.app.spec, scale: { minReplicas: 4, idleSeconds: 60 } } },
    };
    const nodes = [...stuck.nodes, node("node4")];
    const { writes } = planApp({ ...more, nodes });
    const added = writes.flat().find(({ object }) => (object as WasmReplica).spec?.nodeName === "node4");
    expect(added?.object).toMatchObject({ spec: { previous: { revision: before.replicas[0]?.spec.revision } } });
  });

  test("a replica that fails and was placed before others reported falls back as well once they have", () => {
    const failing = settle(changed(before, { env: [{ name: "A", value: "1" }], scale: { minReplicas: 4 } }), bad);
    const unreported = before.replicas.map(({ status: _status, ...replica }) => replica);
    const { currentRevision: _current, ...status } = failing.app.status!;
    const behind = {
      ...failing,
      app: { ...failing.app, status },
      replicas: unreported,
      nodes: [...failing.nodes, node("node4")],
    };
    const added = replicaOn("node4", planned(behind));
    expect(added.spec.previous).toBeUndefined();
    const known = { ...behind, replicas: [...before.replicas, newerFails(added)] };
    expect(replicaOn("node4", planned(known)).spec).toMatchObject({
      revision: added.spec.revision,
      previous: { revision: before.replicas[0]!.spec.revision },
    });
  });

  test("an app that becomes a command keeps its port until nothing answers requests any more", () => {
    const becoming = { ...changed(before, { trigger: { command: {} } }), portFor: anotherPort };
    const stuck = settle(becoming, bad);
    expect(stuck.app.status?.port).toBe(20_000);
    expect(stuck).toMatchObject({ service: undefined, slices: [] });
    expect(portsOf(stuck)).toEqual([20_000, 20_000, 20_000]);
    const back = settle(changed(stuck, {}));
    expect(portsOf(back)).toEqual([20_000, 20_000, 20_000]);
    expect(back.slices[0]?.ports?.[0]?.port).toBe(20_000);
    const over = settle(becoming);
    expect(portsOf(over)).toEqual([undefined, undefined, undefined]);
    expect(over.app.status).not.toHaveProperty("port");
  });

  test("a change of scale is no new revision", () => {
    const after = settle(changed(before, { scale: { minReplicas: 1 } }));
    expect(after.replicas).toHaveLength(1);
    expect(after.replicas[0]?.spec.revision).toBe(before.replicas[0]?.spec.revision);
    expect(after.slices[0]?.endpoints).toHaveLength(1);
  });
});

function portsOf({ replicas }: ObservedApp): unknown[] {
  return replicas.map(({ spec }) => spec.port);
}

/** Gives ports as an operator does that has given none before. */
function anotherPort(_range: unknown, recorded: number | undefined): number {
  return recorded ?? 20_050;
}

function replicaOn(nodeName: string, { replicas }: ObservedApp): WasmReplica {
  return replicas.find((replica) => replica.spec.nodeName === nodeName)!;
}

/** Reports as a node does on which no app gets up that has variables. */
function newerFails(replica: WasmReplica): WasmReplica {
  if (replica.spec.suspend === true || replica.spec.template.env.length === 0) return serving(replica);
  if (replica.status?.reason !== undefined) return replica;
  return { ...replica, status: { state: "BackOff", reason: "ARTIFACT_INVALID", message: "not a module" } };
}

/** Reports as a node does on which only what served before can run. */
function bad(replica: WasmReplica): WasmReplica {
  if (replica.spec.previous === undefined) return serving(replica);
  if (replica.status?.reason !== undefined) return replica;
  return { ...replica, status: { ...replica.status!, reason: "ARTIFACT_INVALID", message: "not a module" } };
}
