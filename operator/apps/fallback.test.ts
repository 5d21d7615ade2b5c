import { expect, test } from "vitest";
import type { WasmReplica } from "../objects.ts";
import { placeApp } from "./placement.ts";
import { planApp } from "./plan.ts";
import { buildReplica, buildRevision } from "./resources.ts";
import { buildTemplate } from "./template.ts";
import { minimalApp, minimalRuntime, node, NOW_MS, observe, serving } from "./test-fixtures.ts";

/* What serves when the revision that is asked for does not start, and what served before has lost its node. */

const good = { revision: "good", template: buildTemplate(minimalApp()) };
const app = { ...minimalApp({ env: [{ name: "BAD", value: "1" }] }), status: { currentRevision: good.revision } };
const record = buildRevision(minimalApp(), good, 1);

function replicasOf(plan: ReturnType<typeof planApp>): WasmReplica[] {
  return plan.writes.flat().flatMap(({ object }) => (object.kind === "WasmReplica" ? [object as WasmReplica] : []));
}

test("fallback: a replica on a new node gets what served last from its record, and keeps it while the wanted one fails", () => {
  const observed = observe({ app, revisions: [record] });
  const [replica] = replicasOf(planApp(observed));
  expect(replica?.spec.revision).not.toBe("good");
  expect(replica?.spec.previous).toEqual(good);
  const fellBack = { ...replica!, status: { ...serving(replica!).status!, revision: "good" } };
  const next = planApp({ ...observed, replicas: [fellBack] });
  expect(replicasOf(next)).toEqual([]);
  expect(next.writes.flat().find(({ kind }) => kind === "status")?.object).toMatchObject({
    status: { currentRevision: "good", updatedReplicas: 0, readyReplicas: 1 },
  });
});

test("fallback: without a record there is nothing to fall back to", () => {
  const [replica] = replicasOf(planApp(observe({ app })));
  expect(replica?.spec.previous).toBeUndefined();
});

test("fallback: of too many records the one to fall back to is kept", () => {
  const records = [
    record,
    ...Array.from({ length: 11 }, (_, n) => buildRevision(app, { ...good, revision: `r${n}` }, n + 2)),
  ];
  const deleted = planApp(observe({ app, revisions: records }))
    .writes.flat()
    .filter(({ kind, object }) => kind === "delete" && object.kind === "ControllerRevision");
  expect(deleted.map(({ object }) => object.metadata.name)).toEqual(
    records.slice(1, 3).map(({ metadata }) => metadata.name),
  );
});

test("fallback: an app that was a command keeps the node that answers requests, not the one that still runs the command", () => {
  const on = (name: string): WasmReplica => serving(buildReplica(app, name, "default", good, 20_000));
  const command = { ...on("node1"), status: { ...on("node1").status!, state: "Running" as const } };
  const nodes = [node("node1"), node("node2", { replicas: 9 })];
  expect(placeApp(app, minimalRuntime(), nodes, [command, on("node2")], NOW_MS).nodes).toEqual(["node2"]);
});
