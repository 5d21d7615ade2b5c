import type { SchemaNode } from "../schema/schema-node.ts";
import generated from "../generated/wasmapp.schema.json" with { type: "json" };

/** The schema of a WasmApp manifest, as generated from the definition. */
export const WASM_APP_SCHEMA = generated as SchemaNode;
