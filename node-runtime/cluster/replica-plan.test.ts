import { expect, test } from "vitest";
import type { AppView } from "../runtime-api.ts";
import { minimalReplica, minimalTemplate, minimalView } from "./fixtures.ts";
import { ReplicaPlan } from "./replica-plan.ts";
import type { Wished } from "./reference-reader.ts";
import type { Replica } from "./replica.ts";

const HTTP_SOURCE = { source: { http: { url: "https://example.com/a.wasm", sha256: "0".repeat(64) } } };
const PROGRAM: Wished = {
  objects: [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "program", namespace: "default" },
      binaryData: { "app.wasm": Buffer.from("bytes").toString("base64") },
    },
  ],
};

/** A plan whose references and view the test decides. */
function planOf(replica: Replica) {
  const wishes = new Map<string, Wished>();
  const wishers: string[] = [];
  const world: { view?: AppView | undefined; nowMs: number } = { nowMs: 0 };
  const plan = new ReplicaPlan(replica, {
    me: { name: "me" },
    viewOf: () => world.view,
    wish: (wisher) => {
      wishers.push(wisher);
      return wishes.get(wisher);
    },
    forget: (wisher) => wishes.delete(wisher),
    nowMs: () => world.nowMs,
  });
  return { plan, wishes, wishers, world };
}

test("replica plan: an app is there once what it refers to was read, and is the same from then on", () => {
  const { plan, wishes, wishers } = planOf(minimalReplica("a"));
  expect(plan.next()).toBeUndefined();
  expect(plan.isReading).toBe(true);
  expect(plan.applied).toBeUndefined();
  wishes.set("uid-a r1", PROGRAM);
  const app = plan.next();
  expect(app).toMatchObject({ id: "default/a", port: 20_000, revision: "r1", trigger: { kind: "http" } });
  expect(app?.source).toEqual({ kind: "bytes", bytes: Buffer.from("bytes") });
  expect(plan.next()).toBe(app);
  expect(plan.applied).toEqual({ generation: 1, revision: "r1", app: "default/a" });
  expect(plan.isReading).toBe(false);
  expect(wishers).toHaveLength(2);
});

test("replica plan: a new report of the replica changes nothing", () => {
  const { plan, wishes } = planOf(minimalReplica("a"));
  wishes.set("uid-a r1", PROGRAM);
  const app = plan.next();
  plan.update(minimalReplica("a", { metadata: { resourceVersion: "2" }, status: { state: "Ready" } }));
  expect(plan.next()).toBe(app);
});

test("replica plan: while a new revision is read, the old one is asked for, and reported as what is acted on", () => {
  const { plan, wishes } = planOf(minimalReplica("a"));
  wishes.set("uid-a r1", PROGRAM);
  const app = plan.next();
  plan.update(minimalReplica("a", { metadata: { generation: 2 }, spec: { revision: "r2" } }));
  expect(plan.next()).toBe(app);
  expect(plan.applied).toMatchObject({ generation: 1, revision: "r1" });
  wishes.set("uid-a r2", PROGRAM);
  expect(plan.next()).toMatchObject({ revision: "r2" });
  expect(plan.applied).toMatchObject({ generation: 2, revision: "r2" });
});

test("replica plan: a missing object refuses the app until it is there", () => {
  const { plan, wishes } = planOf(minimalReplica("a"));
  const problem = Object.assign(new Error("ConfigMap program is not there"), {
    code: "APP_REFERENCE_MISSING",
  }) as never;
  wishes.set("uid-a r1", { problem });
  const app = plan.next();
  expect(app?.refusal).toBe(problem);
  expect(plan.next()).toBe(app);
  wishes.set("uid-a r1", PROGRAM);
  expect(plan.next()?.refusal).toBeUndefined();
});

test("replica plan: contract: a spec that is wrong is refused, and what ran stays of its kind", () => {
  const command = minimalTemplate({ ...HTTP_SOURCE, trigger: { command: { args: ["x"], restartPolicy: "Always" } } });
  const { plan } = planOf(minimalReplica("a", { spec: { template: command } }));
  const app = plan.next();
  plan.update(minimalReplica("a", { metadata: { generation: 2 }, spec: { template: { source: {} } } }));
  expect(plan.next()).toMatchObject({ id: app?.id, trigger: { kind: "command" }, refusal: { code: "MANIFEST_RULE" } });
  expect(plan.applied?.generation).toBe(2);
});

test("replica plan: a spec that never was right is refused under the name that it has", () => {
  const { plan } = planOf(minimalReplica("a", { spec: { template: undefined } }));
  expect(plan.next()).toMatchObject({
    id: "default/a",
    refusal: { code: "MANIFEST_MISSING_FIELD", details: { where: "WasmReplica default/a" } },
  });
});

test("replica plan: a field that only a newer definition knows is no reason to refuse", () => {
  const { plan } = planOf(minimalReplica("a", { spec: { template: minimalTemplate({ ...HTTP_SOURCE, later: 1 }) } }));
  expect(plan.next()?.refusal).toBeUndefined();
});

test("replica plan: a field that is not honoured is refused by its name, as without a cluster", () => {
  const template = minimalTemplate({ ...HTTP_SOURCE, trigger: { cron: { schedule: "@hourly" } } });
  const { plan } = planOf(minimalReplica("a", { spec: { template } }));
  expect(plan.next()?.refusal).toMatchObject({
    code: "APP_FIELD_NOT_SUPPORTED",
    details: { where: "WasmReplica default/a, spec.template.trigger.cron" },
  });
});

test("replica plan: what served before a rollout comes first where nothing runs", () => {
  const spec = {
    revision: "r2",
    template: minimalTemplate({ ...HTTP_SOURCE, idleSeconds: 1 }),
    previous: { revision: "r1", template: minimalTemplate(HTTP_SOURCE) },
  };
  const { plan, world } = planOf(minimalReplica("a", { spec }));
  expect(plan.next()).toMatchObject({ revision: "r1", idleMs: 60_000, port: 20_000 });
  expect(plan.applied?.revision).toBe("r2");
  world.view = minimalView("a", { state: "Preparing" });
  expect(plan.mayTurn).toBe(true);
  world.view = minimalView("a", { state: "Ready", revision: "r1" });
  expect(plan.next()).toMatchObject({ revision: "r2", idleMs: 1000 });
});

test("replica plan: the node's name is a field of the downward API", () => {
  const env = [{ name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }];
  const { plan } = planOf(minimalReplica("a", { spec: { template: minimalTemplate({ ...HTTP_SOURCE, env }) } }));
  expect(plan.next()?.env).toEqual([["NODE", "node1"]]);
});

test("replica plan: a command that is over is not run once more by a new runtime, but its next revision is", () => {
  const template = minimalTemplate({ ...HTTP_SOURCE, trigger: { command: { args: [], restartPolicy: "Never" } } });
  const status = { state: "Completed", revision: "r1", exitCode: 0, podName: "other" } as const;
  const { plan } = planOf(minimalReplica("a", { spec: { template }, status }));
  expect(plan.next()).toBeUndefined();
  expect(plan.isReading).toBe(false);
  plan.update(minimalReplica("a", { metadata: { generation: 2 }, spec: { template, revision: "r2" }, status }));
  expect(plan.next()).toMatchObject({ revision: "r2" });
});

test("replica plan: contract: a suspended replica asks for nothing, and for its revision when it no longer is", () => {
  const template = minimalTemplate(HTTP_SOURCE);
  const { plan } = planOf(minimalReplica("a", { spec: { template } }));
  expect(plan.next()).toMatchObject({ revision: "r1" });
  plan.update(minimalReplica("a", { metadata: { generation: 2 }, spec: { template, suspend: true } }));
  expect(plan.next()).toBeUndefined();
  const { applied } = plan;
  expect(applied).toEqual({ generation: 2, revision: "r1", app: "default/a", isSuspended: true });
  expect(plan.next()).toBeUndefined();
  expect(plan.applied).toBe(applied);
  plan.update(minimalReplica("a", { metadata: { generation: 3 }, spec: { template, revision: "r2" } }));
  expect(plan.next()).toMatchObject({ revision: "r2" });
  expect(plan.applied).toEqual({ generation: 3, revision: "r2", app: "default/a" });
});

test("replica plan: a replica that is suspended from the start runs nothing, and reads nothing", () => {
  const { plan, wishers } = planOf(minimalReplica("a", { spec: { suspend: true } }));
  expect(plan.next()).toBeUndefined();
  expect(plan.isReading).toBe(false);
  expect(wishers).toEqual([]);
  expect(plan.applied).toMatchObject({ isSuspended: true });
});
