import type { KubeObject } from "../kube/objects.ts";
import { clusterWide, namespaced } from "../kube/resources.ts";
import type { StartupBenchmarkSpec, StartupBenchmarkStatus } from "../crds/startup-benchmark/types.ts";
import { API_VERSION } from "../crds/wasm-app/names.ts";
import type { WasmApp } from "../crds/wasm-app/types.ts";
import type { WasmReplicaSpec, WasmReplicaStatus } from "../crds/wasm-replica/types.ts";
import type { WasmRuntimeSpec, WasmRuntimeStatus as RuntimeStatus } from "../crds/wasm-runtime/types.ts";

/** The kinds of Wasmlet as the API server holds them. */
export type WasmAppObject = KubeObject & { spec: WasmApp["spec"]; status?: WasmAppStatus };
export type WasmAppStatus = NonNullable<WasmApp["status"]>;
export type WasmReplica = KubeObject & { spec: WasmReplicaSpec; status?: WasmReplicaStatus };
export type WasmRuntimeStatus = RuntimeStatus;
export type WasmRuntime = KubeObject & { spec: WasmRuntimeSpec; status?: RuntimeStatus };

export type StartupBenchmark = KubeObject & { spec: StartupBenchmarkSpec; status?: StartupBenchmarkStatus };

export const WASM_APPS = namespaced<WasmAppObject>(API_VERSION, "WasmApp", "wasmapps");
export const WASM_REPLICAS = namespaced<WasmReplica>(API_VERSION, "WasmReplica", "wasmreplicas");
export const STARTUP_BENCHMARKS = namespaced<StartupBenchmark>(API_VERSION, "StartupBenchmark", "startupbenchmarks");
export const WASM_RUNTIMES = clusterWide<WasmRuntime>(API_VERSION, "WasmRuntime", "wasmruntimes");

/** The manager of the fields that the operator applies. */
export const FIELD_MANAGER = "wasmlet-operator";

/** What the operator's objects carry as `app.kubernetes.io/managed-by`. */
export const MANAGED_BY = "wasmlet";
