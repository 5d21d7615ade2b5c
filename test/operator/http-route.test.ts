import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KubeObject } from "../../kube/objects.ts";
import { clusterWide } from "../../kube/resources.ts";
import { HTTP_ROUTES, type HttpRoute } from "../../operator/apps/http-route.ts";
import { WASM_APPS } from "../../operator/objects.ts";
import { waitFor } from "../cluster/processes.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import {
  appOf,
  conditionOf,
  makeApp,
  NAMESPACE,
  startOperatorBed,
  whenWell,
  type OperatorBed,
} from "./operator-bed.ts";
import { startOperatorProcess, type OperatorProcess } from "./operator-process.ts";

/*
 * The HTTPRoute of an exposed app on a real API server: in a cluster that has no Gateway API at first, where it is installed
 * while the operator runs, and taken away again. The test answers for the Gateway.
 */

const CRDS = clusterWide<KubeObject>(
  "apiextensions.k8s.io/v1",
  "CustomResourceDefinition",
  "customresourcedefinitions",
);
const CRD_NAME = "httproutes.gateway.networking.k8s.io";
const ROUTE = { parentRefs: [{ name: "public" }], hostnames: ["hello.example.com"] };
/** The operator asks for a missing kind twice a minute. */
const FOUND_MS = 60_000;

/** As much of the Gateway API's own definition as matters here: lists without a type are replaced as a whole there too. */
const HTTP_ROUTE_DEFINITION = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: CRD_NAME,
    // The API server takes kinds of its own groups only with this.
    annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/3000" },
  },
  spec: {
    group: "gateway.networking.k8s.io",
    scope: "Namespaced",
    names: { kind: "HTTPRoute", listKind: "HTTPRouteList", plural: "httproutes", singular: "httproute" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
              status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
            },
          },
        },
      },
    ],
  },
};

let bed: OperatorBed;
let operator: OperatorProcess;

function routeOf(name: string): Promise<HttpRoute | undefined> {
  return bed.client.get(HTTP_ROUTES, { namespace: NAMESPACE, name });
}

function whenRoute(name: string, isAsExpected: (route: HttpRoute) => boolean, timeoutMs = FOUND_MS): Promise<void> {
  return waitFor(
    `the route of ${name}`,
    async () => {
      const route = await routeOf(name);
      return route !== undefined && isAsExpected(route);
    },
    { timeoutMs },
  );
}

function whenCondition(name: string, type: string, reason: string, timeoutMs = FOUND_MS): Promise<void> {
  const has = async (): Promise<boolean> => conditionOf(await appOf(bed.client, name), type)?.reason === reason;
  return waitFor(`${type} of ${name} to be ${reason}`, has, { timeoutMs });
}

function expose(name: string, httpRoute: object | null): Promise<unknown> {
  const patch = { spec: { expose: httpRoute === null ? null : { httpRoute } } };
  return bed.client.mergePatch(WASM_APPS, { namespace: NAMESPACE, name }, patch);
}

/** Says of a route what a Gateway's controller would. */
async function answer(name: string, ...conditions: object[]): Promise<void> {
  const { metadata } = (await routeOf(name))!;
  const parents = [
    {
      parentRef: { group: "gateway.networking.k8s.io", kind: "Gateway", name: "public", namespace: NAMESPACE },
      controllerName: "example.com/gateway",
      conditions: conditions.map((condition) => Object.assign(condition, { observedGeneration: metadata.generation })),
    },
  ];
  const ref = { namespace: NAMESPACE, name };
  await bed.client.mergePatch(HTTP_ROUTES, ref, { status: { parents } }, { subresource: "status" });
}

describe.skipIf(!needCluster("control-plane"))("HTTPRoutes of apps on a real API server", () => {
  beforeAll(async () => {
    bed = await startOperatorBed(1);
    operator = startOperatorProcess(bed.kubeconfig);
    await operator.whenLeading();
    await makeApp(bed.client, "hello", { expose: { httpRoute: ROUTE } });
  });
  afterAll(async () => {
    await operator?.[Symbol.asyncDispose]();
    await bed?.[Symbol.asyncDispose]();
  });

  test("contract: without the Gateway API the app runs and is told what to install", async () => {
    await whenCondition("hello", "Exposed", "GatewayApiMissing");
    await whenCondition("hello", "Ready", "Serving");
    const message: unknown = expect.stringContaining("install the Gateway API");
    const degraded = { status: "True", reason: "GatewayApiMissing", message };
    expect(conditionOf(await appOf(bed.client, "hello"), "Degraded")).toMatchObject(degraded);
  });

  test("contract: once the Gateway API is installed the route is made, and the app is well", async () => {
    await bed.client.apply(CRDS, HTTP_ROUTE_DEFINITION);
    await whenRoute("hello", () => true);
    expect(await routeOf("hello")).toMatchObject({
      metadata: {
        labels: { "wasmlet.dev/app": "hello" },
        ownerReferences: [{ kind: "WasmApp", name: "hello", controller: true }],
      },
      spec: {
        parentRefs: [{ name: "public", namespace: NAMESPACE }],
        hostnames: ["hello.example.com"],
        rules: [
          {
            matches: [{ path: { type: "PathPrefix", value: "/" } }],
            backendRefs: [{ name: "hello", port: 80 }],
          },
        ],
      },
    });
    const app = await whenWell(bed.client, "hello");
    expect(conditionOf(app, "Exposed")).toMatchObject({ status: "Unknown", reason: "HTTPRoutePending" });
  });

  test("what the Gateway says is told in its words", async () => {
    const refused = {
      type: "Accepted",
      status: "False",
      reason: "NoMatchingListenerHostname",
      message: "no such host",
    };
    await answer("hello", refused);
    await whenCondition("hello", "Degraded", "HTTPRouteNotAccepted");
    const app = await appOf(bed.client, "hello");
    const message = `Gateway ${NAMESPACE}/public: no such host (NoMatchingListenerHostname)`;
    expect(conditionOf(app, "Exposed")).toMatchObject({ status: "False", message });
    expect(conditionOf(app, "Ready")).toMatchObject({ status: "True" });
    await answer("hello", { type: "Accepted", status: "True" }, { type: "ResolvedRefs", status: "True" });
    await whenCondition("hello", "Exposed", "Accepted");
    await whenWell(bed.client, "hello");
  });

  test("a change of the app changes the route, and leaves its status and what others added", async () => {
    const ref = { namespace: NAMESPACE, name: "hello" };
    await bed.client.mergePatch(HTTP_ROUTES, ref, { metadata: { annotations: { "example.com/dns": "on" } } });
    await expose("hello", { ...ROUTE, hostnames: null, paths: [{ type: "Exact", value: "/api" }] });
    await whenRoute("hello", ({ spec }) => spec.hostnames?.length === 0);
    const route = await routeOf("hello");
    expect(route).toMatchObject({
      metadata: { annotations: { "example.com/dns": "on" } },
      spec: { rules: [{ matches: [{ path: { type: "Exact", value: "/api" } }] }] },
      status: { parents: [{ controllerName: "example.com/gateway" }] },
    });
    // What the Gateway said was said of the route as it was.
    await whenCondition("hello", "Exposed", "HTTPRoutePending");
    const { generation = 0 } = route!.metadata;
    await answer("hello", { type: "Accepted", status: "True" });
    await whenCondition("hello", "Exposed", "Accepted");
    expect((await routeOf("hello"))?.metadata.generation).toBe(generation);
  });

  test("a route that somebody deletes is made again; one whose app is no longer exposed goes", async () => {
    const before = (await routeOf("hello"))?.metadata.uid;
    await bed.client.delete(HTTP_ROUTES, { namespace: NAMESPACE, name: "hello" });
    await whenRoute("hello", ({ metadata }) => metadata.uid !== before);
    await expose("hello", null);
    await waitFor("the route to go", async () => (await routeOf("hello")) === undefined);
    expect(conditionOf(await whenWell(bed.client, "hello"), "Exposed")).toBeUndefined();
  });

  test("a route of somebody else stays as it is, and the app is told", async () => {
    const spec = { parentRefs: [{ name: "theirs" }] };
    const { apiVersion, kind } = HTTP_ROUTES;
    const metadata = { namespace: NAMESPACE, name: "shared" };
    const theirs = await bed.client.create(HTTP_ROUTES, { apiVersion, kind, metadata, spec });
    await makeApp(bed.client, "shared", { expose: { httpRoute: ROUTE } });
    await whenCondition("shared", "Degraded", "HTTPRouteConflict");
    await expose("shared", null);
    await whenWell(bed.client, "shared");
    expect((await routeOf("shared"))?.metadata.resourceVersion).toBe(theirs.metadata.resourceVersion);
  });

  test("the Gateway API goes again: apps are told, and run on", async () => {
    await expose("hello", ROUTE);
    await whenRoute("hello", () => true);
    await bed.client.delete(CRDS, { name: CRD_NAME });
    await whenCondition("hello", "Exposed", "GatewayApiMissing");
    await whenCondition("hello", "Ready", "Serving");
  });

  test("the operator prints no errors", () => {
    expect(operator.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(operator.errors).toEqual([]);
  });
});
