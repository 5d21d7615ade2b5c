import type { Static } from "typebox";
import type { WasmAppDefinition } from "./definition.ts";

/** A valid WasmApp with its defaults filled in. */
export type WasmApp = Static<typeof WasmAppDefinition>;
