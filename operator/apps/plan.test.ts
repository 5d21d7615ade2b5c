import { describe, expect, test } from "vitest";
import type { EndpointSlice, RoleBinding, Service } from "../../kube/resources.ts";
import type { WasmAppObject, WasmAppStatus, WasmReplica } from "../objects.ts";
import type { Write } from "../writer.ts";
import type { HttpRoute } from "./http-route.ts";
import type { ObservedApp } from "./observed.ts";
import { planApp } from "./plan.ts";
import { minimalApp, minimalRuntime, node, NOW_MS, observe, podOf, serving } from "./test-fixtures.ts";

/** Carries a plan's writes out on what was observed, as the API server would. */
function carryOut(observed: ObservedApp, steps: readonly (readonly Write[])[]): ObservedApp {
  const next = { ...observed };
  for (const { kind, object } of steps.flat()) {
    const keepsOthers = <T extends { metadata: { name: string } }>(list: readonly T[]): T[] =>
      list.filter(({ metadata }) => metadata.name !== object.metadata.name);
    const added = <T>(): T[] => (kind === "delete" ? [] : [object as T]);
    if (kind === "status") next.app = { ...next.app, status: (object as WasmAppObject).status! };
    else if (object.kind === "WasmReplica") {
      const status = next.replicas.find(({ metadata }) => metadata.name === object.metadata.name)?.status;
      const replica = { ...(object as WasmReplica), ...(status && { status }) };
      next.replicas = [...keepsOthers(next.replicas), ...(kind === "delete" ? [] : [replica])];
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
function settle(observed: ObservedApp, report: (replica: WasmReplica) => WasmReplica = serving): ObservedApp {
  let now = observed;
  for (let round = 0; round < 20; round++) {
    const { writes } = planApp(now);
    const reported = carryOut(now, writes);
    const replicas = reported.replicas.map(report);
    if (writes.length === 0 && replicas.every((replica, index) => replica === reported.replicas[index])) return now;
    now = { ...reported, replicas };
  }
  throw new Error("it does not settle");
}

function condition(status: WasmAppStatus | undefined, type: string) {
  return status?.conditions?.find((candidate) => candidate.type === type);
}

function kinds(steps: readonly (readonly Write[])[]): string[] {
  return steps.flat().map(({ kind, object }) => `${kind} ${object.kind}`);
}

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

describe("HTTPRoute", () => {
  const httpRoute = { parentRefs: [{ name: "public" }], hostnames: ["hello.example.com"] };
  const app = minimalApp({ expose: { httpRoute } });
  const settled = settle(observe({ app }));
  const exposed = (route: object): WasmAppObject => ({
    ...settled.app,
    spec: minimalApp({ expose: { httpRoute: route } }).spec,
  });
  const answered = (...conditions: object[]): ObservedApp => {
    const parents = [{ parentRef: { name: "public" }, controllerName: "example.com/gateway", conditions }];
    return { ...settled, httpRoute: { ...settled.httpRoute!, status: { parents } } as unknown as HttpRoute };
  };

  test("leads to the app's Service, and goes with the app", () => {
    expect(settled.httpRoute).toMatchObject({
      metadata: {
        name: "hello",
        labels: { "wasmlet.dev/app": "hello", "app.kubernetes.io/managed-by": "wasmlet" },
        ownerReferences: [{ uid: "uid-hello" }],
      },
      spec: {
        parentRefs: [{ namespace: "default", name: "public" }],
        hostnames: ["hello.example.com"],
        rules: [
          {
            matches: [{ path: { type: "PathPrefix", value: "/" } }],
            backendRefs: [{ name: "hello", port: 80 }],
          },
        ],
      },
    });
    expect(settled.app.status?.url).toBe("http://hello.default.svc");
  });

  test.each([
    ["a Gateway", { ...httpRoute, parentRefs: [{ name: "internal" }] }],
    ["a listener", { ...httpRoute, parentRefs: [{ name: "public", sectionName: "https" }] }],
    ["a path", { ...httpRoute, paths: [{ type: "Exact", value: "/api" }] }],
    ["no host name", { parentRefs: httpRoute.parentRefs }],
  ])("%s that is written into the app is applied to it, and taken back again", (_what, change) => {
    const { writes } = planApp({ ...settled, app: exposed(change) });
    expect(kinds(writes)).toContain("apply HTTPRoute");
    const changed = settle({ ...settled, app: exposed(change) });
    expect(kinds(planApp({ ...changed, app: exposed(httpRoute) }).writes)).toContain("apply HTTPRoute");
  });

  test("what the API server and others add to it is no reason to write", () => {
    const spec = structuredClone(settled.httpRoute!.spec) as { parentRefs: object[] };
    Object.assign(spec.parentRefs[0]!, { group: "gateway.networking.k8s.io", kind: "Gateway" });
    const metadata = { ...settled.httpRoute!.metadata, annotations: { "external-dns": "on" } };
    expect(planApp({ ...settled, httpRoute: { ...settled.httpRoute!, spec, metadata } as HttpRoute }).writes).toEqual(
      [],
    );
  });

  test("is deleted when the app is no longer exposed, and the condition goes with it", () => {
    const hidden = settle({ ...settled, app: { ...settled.app, spec: minimalApp().spec } });
    expect(hidden.httpRoute).toBeUndefined();
    expect(condition(hidden.app.status, "Exposed")).toBeUndefined();
  });

  test("of somebody else is neither changed nor deleted, and the app is told", () => {
    const foreign = { ...settled.httpRoute!, metadata: { name: "hello", namespace: "default", uid: "other" } };
    const { httpRoute: kept, app: told } = settle({ ...settled, httpRoute: foreign });
    expect(kept).toBe(foreign);
    expect(condition(told.status, "Degraded")).toMatchObject({ status: "True", reason: "HTTPRouteConflict" });
    const { writes } = planApp({ ...settled, httpRoute: foreign, app: { ...told, spec: minimalApp().spec } });
    expect(kinds(writes).filter((kind) => kind.includes("HTTPRoute"))).toEqual([]);
  });

  test("does not lead to a Service of somebody else", () => {
    const { writes } = planApp(observe({ app, service: foreignService() }));
    expect(kinds(writes).filter((kind) => kind.includes("HTTPRoute"))).toEqual([]);
    const { writes: later } = planApp({ ...settled, service: foreignService() });
    expect(kinds(later)).toContain("delete HTTPRoute");
  });

  test.each([
    ["missing", "GatewayApiMissing", "install the Gateway API"],
    ["forbidden", "GatewayApiForbidden", "ClusterRole"],
  ] as const)("the Gateway API is %s: the app runs and is told, and has its route once that is mended", (...row) => {
    const [gatewayApiAbsence, reason, message] = row;
    const without = settle(observe({ app, gatewayApiAbsence }));
    expect(without.httpRoute).toBeUndefined();
    expect(condition(without.app.status, "Ready")).toMatchObject({ status: "True", reason: "Serving" });
    for (const [type, status] of [
      ["Degraded", "True"],
      ["Exposed", "False"],
    ] as const) {
      const text: unknown = expect.stringContaining(message);
      expect(condition(without.app.status, type)).toMatchObject({ status, reason, message: text });
    }
    const mended = settle({ ...without, gatewayApiAbsence: undefined });
    expect(mended.httpRoute).toBeDefined();
    expect(condition(mended.app.status, "Degraded")).toMatchObject({ status: "False" });
  });

  test("no Gateway has answered yet: that is no degradation", () => {
    expect(condition(settled.app.status, "Exposed")).toMatchObject({ status: "Unknown", reason: "HTTPRoutePending" });
    expect(condition(settled.app.status, "Exposed")?.message).toContain("Gateway default/public");
    expect(condition(settled.app.status, "Degraded")).toMatchObject({ status: "False" });
  });

  test("accepted: the condition says by whom", () => {
    const { app: told } = settle(answered({ type: "Accepted", status: "True" }));
    expect(condition(told.status, "Exposed")).toMatchObject({ status: "True", reason: "Accepted" });
  });

  test.each([
    ["Accepted", "NotAllowedByListeners", "HTTPRouteNotAccepted"],
    ["ResolvedRefs", "BackendNotFound", "HTTPRouteRefsNotResolved"],
  ])("a Gateway that says %s False: the app is told in its words", (type, theirs, reason) => {
    const { app: told } = settle(
      answered(
        { type: "Accepted", status: "True" },
        { type, status: "False", reason: theirs, message: "not like this" },
      ),
    );
    const message = `Gateway default/public: not like this (${theirs})`;
    expect(condition(told.status, "Exposed")).toMatchObject({ status: "False", reason, message });
    expect(condition(told.status, "Degraded")).toMatchObject({ status: "True", reason, message });
    expect(condition(told.status, "Ready")).toMatchObject({ status: "True" });
  });

  test("what was said of it before a change does not count, from the plan that changes it on", () => {
    const accepted = settle(answered({ type: "Accepted", status: "True" }));
    const app = { ...accepted.app, spec: exposed({ ...httpRoute, hostnames: ["other.example.com"] }).spec };
    const { writes } = planApp({ ...accepted, app });
    expect(kinds(writes)).toEqual(["status WasmApp", "apply HTTPRoute"]);
    const { status } = carryOut({ ...accepted, app }, writes).app;
    expect(condition(status, "Exposed")).toMatchObject({ status: "Unknown", reason: "HTTPRoutePending" });
  });

  test("what was said of an earlier version of it does not count", () => {
    const observed = answered({ type: "Accepted", status: "False", observedGeneration: 1 });
    observed.httpRoute!.metadata = { ...observed.httpRoute!.metadata, generation: 2 };
    expect(condition(settle(observed).app.status, "Exposed")).toMatchObject({ status: "Unknown" });
  });
});

describe("endpoints", () => {
  const settled = settle(observe());
  const nodeName = settled.replicas[0]!.spec.nodeName;
  const withPod = (change: object): ObservedApp => ({
    ...settled,
    pods: new Map([[`runtime-${nodeName}`, podOf(nodeName, change)]]),
  });
  const endpoints = (observed: ObservedApp) => settle(observed).slices[0]?.endpoints ?? [];
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

  test("a pod of the pool that the app left: what it reported is taken back, once the replica has moved", () => {
    const runtime = { ...minimalRuntime(), metadata: { ...minimalRuntime().metadata, name: "edge" } };
    const moving = planApp({ ...settled, runtime, isGone: isOfDefault });
    expect(moving.writes.flat()[0]).toMatchObject({ kind: "replace", object: { spec: { runtimeName: "edge" } } });
    expect(moving.requeueAfterMs).toBeLessThan(1000);
    const [moved] = settled.replicas.map((replica) => ({ ...replica, spec: { ...replica.spec, runtimeName: "edge" } }));
    const { writes } = planApp({ ...settled, runtime, isGone: isOfDefault, replicas: [moved!] });
    expect(writes.flat()[0]).toMatchObject({ kind: "status", object: { status: { reason: "PodGone" } } });
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

/** Returns what is there after one plan was carried out. */
function planned(observed: ObservedApp): ObservedApp {
  return carryOut(observed, planApp(observed).writes);
}

/** Returns the same once these nodes have done what they are asked for and said so. */
function reported(observed: ObservedApp, ...names: string[]): ObservedApp {
  const replicas = observed.replicas.map((one) => (names.includes(one.spec.nodeName) ? serving(one) : one));
  return { ...observed, replicas };
}

/** Reports as a node does on which no app gets up that has variables. */
function newerFails(replica: WasmReplica): WasmReplica {
  if (replica.spec.suspend === true || replica.spec.template.env.length === 0) return serving(replica);
  if (replica.status?.reason !== undefined) return replica;
  return { ...replica, status: { state: "BackOff", reason: "ARTIFACT_INVALID", message: "not a module" } };
}

function oci(image: string): WasmAppObject {
  return minimalApp({ source: { oci: { image } } });
}

/** Reports as the node of a command does once it ended. */
function done(replica: WasmReplica): WasmReplica {
  if (replica.status?.state === "Completed") return replica;
  return { ...replica, status: { state: "Completed", revision: replica.spec.revision, exitCode: 0 } };
}

/** Reports as a node does on which only what served before can run. */
function bad(replica: WasmReplica): WasmReplica {
  if (replica.spec.previous === undefined) return serving(replica);
  if (replica.status?.reason !== undefined) return replica;
  return { ...replica, status: { ...replica.status!, reason: "ARTIFACT_INVALID", message: "not a module" } };
}

function foreignService(): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "hello", namespace: "default", uid: "other" } };
}

/** As it is for pods of the pool `default`. */
function isOfDefault(_pod: string, pool: string): boolean {
  return pool !== "default";
}
