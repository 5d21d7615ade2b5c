import { describe, expect, test } from "vitest";
import type { Service } from "../../kube/resources.ts";
import type { WasmAppObject } from "../objects.ts";
import type { ObservedApp } from "./observed.ts";
import { planApp } from "./plan.ts";
import { minimalApp, observe } from "./test-fixtures.ts";
import { carryOut, condition, kinds, settle } from "./test-plans.ts";
import type { HttpRoute } from "./http-route.ts";

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

function foreignService(): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "hello", namespace: "default", uid: "other" } };
}
