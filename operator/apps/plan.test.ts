import { describe, expect, test } from "vitest";
import type { Service } from "../../kube/resources.ts";
import type { WasmAppObject, WasmReplica } from "../objects.ts";
import type { ObservedApp } from "./observed.ts";
import { planApp } from "./plan.ts";
import { minimalApp, NOW_MS, observe } from "./test-fixtures.ts";
import { carryOut, condition, kinds, settle } from "./test-plans.ts";

describe("plan of a new app", () => {
  test("places it and makes its Service", () => {
    const { writes, requeueAfterMs } = planApp(observe());
    expect(kinds(writes)).toEqual(["create Service", "create WasmReplica"]);
    expect(writes[1]?.[0]?.object).toMatchObject({
      metadata: {
        namespace: "default",
        labels: { "wasmlet.dev/app": "hello" },
        ownerReferences: [{ uid: "uid-hello" }],
      },
      spec: { appName: "hello", runtimeName: "default", port: 20_000 },
    });
    expect(writes[0]?.[0]?.object).toMatchObject({ spec: { ports: [{ port: 80, targetPort: 20_000 }] } });
    expect(requeueAfterMs).toBe(2000);
  });

  test("tells that it starts once that takes a while", () => {
    const placed = carryOut(observe(), planApp(observe()).writes);
    const { app } = carryOut(placed, planApp({ ...placed, nowMs: NOW_MS + 2000 }).writes);
    expect(app.status).toMatchObject({ ready: "0/1", url: "http://hello.default.svc", port: 20_000 });
    expect(condition(app.status, "Ready")).toMatchObject({ status: "False", reason: "Starting" });
  });

  test("once it serves: endpoints lead to the pod, conditions say so, and nothing is left to do", () => {
    const settled = settle(observe({ app: minimalApp({ scale: { minReplicas: 2 } }) }));
    expect(settled.slices).toHaveLength(1);
    expect(settled.slices[0]).toMatchObject({
      addressType: "IPv4",
      ports: [{ port: 20_000 }],
      endpoints: [{ conditions: { ready: true, terminating: false } }, { conditions: { ready: true } }],
    });
    expect(settled.app.status).toMatchObject({ ready: "2/2", replicas: 2, readyReplicas: 2, updatedReplicas: 2 });
    expect(condition(settled.app.status, "Ready")).toMatchObject({ status: "True", reason: "Serving" });
    expect(condition(settled.app.status, "Progressing")).toMatchObject({ status: "False", reason: "UpToDate" });
    expect(condition(settled.app.status, "Degraded")).toMatchObject({ status: "False" });
    expect(planApp({ ...settled, nowMs: NOW_MS + 60_000 }).writes).toEqual([]);
  });

  test("command: has no port, Service or endpoints, and is complete when it is done everywhere", () => {
    const settled = settle(observe({ app: minimalApp({ trigger: { command: {} } }) }), done);
    expect(settled).toMatchObject({ service: undefined, slices: [] });
    expect(settled.replicas[0]?.spec).not.toHaveProperty("port");
    expect(condition(settled.app.status, "Complete")).toMatchObject({ status: "True" });
    expect(condition(settled.app.status, "Ready")).toMatchObject({ status: "True", reason: "Completed" });
  });

  test("an app that is being deleted, or follows one that is, is left alone", () => {
    expect(planApp(observe({ app: minimalApp({}, { deletionTimestamp: "2026-01-01T00:00:00Z" }) })).writes).toEqual([]);
    expect(planApp(observe({ hasLeftovers: true })).writes).toEqual([]);
  });
});

describe("plan of an app that something stands in the way of", () => {
  const secretEnv = { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "keys", key: "a" } } }] };
  test.each<[string, Partial<ObservedApp>, string, string]>([
    ["its runtime is not there", { runtime: undefined, runtimeNames: ["edge"] }, "RuntimeNotFound", "there are edge"],
    [
      "a Secret is missing",
      { app: minimalApp(secretEnv), versionOf: () => undefined },
      "SecretNotFound",
      "the Secret keys",
    ],
    ["no port is left", { portFor: () => undefined }, "PortsExhausted", "20000 to 20099"],
    ["its Service is somebody else's", { service: foreignService() }, "ServiceConflict", "the Service hello"],
    [
      "its image is looked up for long",
      { app: oci("example.com/a:1"), nowMs: NOW_MS + 2000 },
      "ResolvingImage",
      "example.com/a:1",
    ],
    [
      "its image is not there",
      {
        app: oci("example.com/a:1"),
        resolution: () => ({ failure: { code: "OCI_NOT_FOUND", message: "gone", isTransient: true } }),
      },
      "OCI_NOT_FOUND",
      "gone",
    ],
    [
      "its strategy is not honoured",
      { app: minimalApp({ rollout: { strategy: "Canary", canary: { weight: 5 } } }) },
      "FieldNotSupported",
      "Canary",
    ],
  ])("%s: no replica, and the reason in its conditions", (_what, change, reason, message) => {
    const observed = observe(change);
    const { writes } = planApp(observed);
    expect(kinds(writes).filter((kind) => kind.endsWith("Replica"))).toEqual([]);
    expect(writes.flat().some(({ object }) => object === observed.service)).toBe(false);
    const { status } = carryOut(observed, writes).app;
    expect(condition(status, "Ready")).toMatchObject({ status: "False", reason });
    expect(condition(status, "Ready")?.message).toContain(message);
  });

  test("what runs goes on running, and is moved off a lost node all the same", () => {
    const app = minimalApp(secretEnv);
    const settled = settle(observe({ app }));
    const [placed] = settled.replicas;
    const nodes = settled.nodes.map((one) =>
      one.name === placed?.spec.nodeName ? { ...one, isReady: false, unreadySinceMs: NOW_MS - 60_000 } : one,
    );
    const blocked = settle({ ...settled, nodes, versionOf: () => undefined });
    expect(blocked.replicas).toHaveLength(1);
    expect(blocked.replicas[0]?.spec.nodeName).not.toBe(placed?.spec.nodeName);
    expect(blocked.replicas[0]?.spec.revision).toBe(placed?.spec.revision);
    expect(condition(blocked.app.status, "Ready")).toMatchObject({ status: "True" });
    expect(condition(blocked.app.status, "Degraded")).toMatchObject({ status: "True", reason: "SecretNotFound" });
  });

  test("a Service that is somebody else's is neither changed nor deleted", () => {
    const { writes } = planApp(observe({ service: foreignService() }));
    expect(kinds(writes)).toEqual(["status WasmApp"]);
  });

  test("a Service that is somebody else's gets none of the app's endpoints", () => {
    const settled = settle(observe());
    expect(settled.slices).toHaveLength(1);
    const { writes } = planApp({ ...settled, service: foreignService() });
    expect(kinds(writes)).toEqual(["status WasmApp", "delete EndpointSlice"]);
  });
});

describe("references", () => {
  const app = minimalApp({
    scale: { minReplicas: 2 },
    envFrom: [{ secretRef: { name: "keys" } }],
    files: [{ name: "site", mountPath: "/site", configMap: { name: "pages" } }],
  });

  test("only the nodes that run the app may read them, and nothing else", () => {
    const settled = settle(observe({ app }));
    expect(settled.role).toMatchObject({
      rules: [
        { resources: ["configmaps"], resourceNames: ["pages"], verbs: ["get"] },
        { resources: ["secrets"], resourceNames: ["keys"], verbs: ["get"] },
      ],
    });
    const accounts = settled.replicas.map((replica) => `wasmlet-node-${replica.spec.nodeName}`).toSorted();
    expect(settled.roleBinding?.subjects?.map(({ name }) => name)).toEqual(accounts);
  });

  test("a changed Secret rolls the app; one that nobody refers to any more is closed again", () => {
    const settled = settle(observe({ app }));
    const rolled = settle({ ...settled, versionOf: ({ kind }) => (kind === "Secret" ? "2" : "1") });
    expect(rolled.replicas[0]?.spec.revision).not.toBe(settled.replicas[0]?.spec.revision);
    const without = settle({ ...rolled, app: { ...rolled.app, spec: minimalApp({ scale: { minReplicas: 2 } }).spec } });
    expect(without).toMatchObject({ role: undefined, roleBinding: undefined });
  });
});

function oci(image: string): WasmAppObject {
  return minimalApp({ source: { oci: { image } } });
}

/** Reports as the node of a command does once it ended. */
function done(replica: WasmReplica): WasmReplica {
  if (replica.status?.state === "Completed") return replica;
  return { ...replica, status: { state: "Completed", revision: replica.spec.revision, exitCode: 0 } };
}

function foreignService(): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "hello", namespace: "default", uid: "other" } };
}
