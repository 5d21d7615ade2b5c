import { defaultWasmApp } from "../../crds/validate.ts";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import type { WasmRuntimeSpec } from "../../crds/wasm-runtime/types.ts";
import type { WasmAppObject, WasmReplica, WasmRuntime } from "../objects.ts";
import type { ObservedApp, RuntimeNode, RuntimePod } from "./observed.ts";
import { isUpToDate } from "./replica-state.ts";

/* What tests of plans begin with, to be changed in the one thing that a test is about. */

export const NOW_MS = Date.parse("2026-01-01T00:00:00Z");

/** Returns an app called `hello` with a program from a ConfigMap that is there. */
export function minimalApp(spec: object = {}, metadata: object = {}): WasmAppObject {
  const app = defaultWasmApp({
    apiVersion: API_VERSION,
    kind: "WasmApp",
    metadata: { name: "hello", namespace: "default", ...metadata },
    spec: { source: { http: { url: "http://example.com/a.wasm", sha256: "0".repeat(64) } }, ...spec },
  }) as unknown as WasmAppObject;
  return {
    ...app,
    metadata: {
      ...app.metadata,
      uid: "uid-hello",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...metadata,
    },
  };
}

/** Returns a pool called `default`. */
export function minimalRuntime(spec: Partial<WasmRuntimeSpec> = {}): WasmRuntime {
  return {
    apiVersion: API_VERSION,
    kind: "WasmRuntime",
    metadata: { name: "default", uid: "uid-runtime", generation: 1 },
    spec: {
      tolerations: [],
      resources: {},
      ports: { first: 20_000, last: 20_099 },
      maxAppsPerNode: 100,
      unreachableSeconds: 10,
      cells: 1,
      cacheSize: "4Gi",
      terminationGracePeriodSeconds: 60,
      plainHttpRegistries: [],
      ...spec,
    },
  };
}

/** Returns a node that is ready and takes apps. */
export function node(name: string, change: Partial<RuntimeNode> = {}): RuntimeNode {
  return { name, labels: {}, isReady: true, isCordoned: false, takesApps: true, replicas: 0, ...change };
}

/** Returns the ready pod of a node. */
export function podOf(nodeName: string, change: Partial<RuntimePod> = {}): RuntimePod {
  const ip = `10.0.0.${Number(nodeName.replace(/\D/g, "")) || 1}`;
  const name = `runtime-${nodeName}`;
  return {
    namespace: "wasmlet-system",
    name,
    uid: `uid-${name}`,
    ip,
    nodeName,
    version: undefined,
    isReady: true,
    isTerminating: false,
    isRunning: true,
    ...change,
  };
}

/** Returns what is known of an app that nothing was done for yet, on these nodes with a ready pod each. */
export function observe(change: Partial<ObservedApp> = {}): ObservedApp {
  const nodes = change.nodes ?? [node("node1"), node("node2"), node("node3")];
  return {
    app: minimalApp(),
    runtime: minimalRuntime(),
    runtimeNames: ["default"],
    nodes,
    pods: new Map(nodes.map(({ name }) => [`runtime-${name}`, podOf(name)])),
    isGone: () => false,
    hasLeftovers: false,
    replicas: [],
    formerPools: [],
    replicasVersion: undefined,
    podsVersion: undefined,
    service: undefined,
    httpRoute: undefined,
    gatewayApiAbsence: undefined,
    slices: [],
    role: undefined,
    roleBinding: undefined,
    revisions: [],
    versionOf: () => "1",
    resolution: () => undefined,
    portFor: (_range, recorded) => recorded ?? 20_000,
    systemNamespace: "wasmlet-system",
    nowMs: NOW_MS,
    ...change,
  };
}

/** Returns a replica as its node reports it once it does what its spec asks for: serves, or is stopped. */
export function serving(replica: WasmReplica): WasmReplica {
  const { nodeName, revision, suspend } = replica.spec;
  const { name, ip } = podOf(nodeName);
  if (suspend === true) {
    if (replica.status?.state === "Suspended") return replica;
    return { ...replica, status: { state: "Suspended", podName: name, podIP: ip } };
  }
  if (isUpToDate(replica)) return replica;
  return { ...replica, status: { state: "Ready", revision, podName: name, podIP: ip } };
}
