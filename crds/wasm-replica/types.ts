import type { Static } from "typebox";
import type { ReplicaSpec, ReplicaStatus } from "./definition.ts";

/** What the operator asks of a node, with its defaults filled in. */
export type WasmReplicaSpec = Static<typeof ReplicaSpec>;

/** What a node runtime reports of it. */
export type WasmReplicaStatus = Static<typeof ReplicaStatus>;

/** What a node runs. */
export type AppTemplate = WasmReplicaSpec["template"];

/** The label of a WasmReplica that names its app. */
export const APP_LABEL = "wasmlet.dev/app";
