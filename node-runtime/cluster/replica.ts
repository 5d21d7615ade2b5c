import { API_VERSION } from "../../crds/wasm-app/names.ts";
import type { WasmReplicaStatus } from "../../crds/wasm-replica/types.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { namespaced } from "../../kube/resources.ts";

/** What a replica's status holds; all of it may be missing. */
export type ReplicaStatus = Partial<WasmReplicaStatus>;

/** A WasmReplica as the API server gives it; its spec is judged before it is used. */
export interface Replica extends KubeObject {
  spec?: unknown;
  status?: ReplicaStatus;
}

export const WASM_REPLICAS = namespaced<Replica>(API_VERSION, "WasmReplica", "wasmreplicas");

/** The pod that this runtime is. */
export interface Pod {
  name: string;
  ip?: string;
  /** When it was created, in RFC 3339. */
  created: string;
}
