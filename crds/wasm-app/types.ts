import type { Static } from "typebox";
import type { WasmAppDefinition } from "./definition.ts";

/** A valid WasmApp with its defaults filled in. */
export type WasmApp = Static<typeof WasmAppDefinition>;

/** What a WasmApp asks for. */
export type WasmAppSpec = WasmApp["spec"];

/** What Wasmlet reports about a WasmApp. */
export type WasmAppStatus = NonNullable<WasmApp["status"]>;
