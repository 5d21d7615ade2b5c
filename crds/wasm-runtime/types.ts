import type { Static } from "typebox";
import type { RuntimeSpec, RuntimeStatus } from "./definition.ts";

/** What a pool of nodes is, with its defaults filled in. */
export type WasmRuntimeSpec = Static<typeof RuntimeSpec>;

/** What the operator reports of it. */
export type WasmRuntimeStatus = Static<typeof RuntimeStatus>;

/** The WasmRuntime of apps that name none. */
export const DEFAULT_RUNTIME = "default";
