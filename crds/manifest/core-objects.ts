import type { SchemaNode } from "../schema/schema-node.ts";
import { CONFIG_KEY, DNS_SUBDOMAIN } from "../wasm-app/patterns.ts";
import { WASM_APP_SCHEMA } from "../wasm-app/schema.ts";
import type { WasmApp } from "../wasm-app/types.ts";

/** A core/v1 ConfigMap, as far as apps use it. */
export interface ConfigMap {
  apiVersion: "v1";
  kind: "ConfigMap";
  metadata: WasmApp["metadata"];
  data?: Record<string, string>;
  /** Values in base64. */
  binaryData?: Record<string, string>;
  immutable?: boolean;
}

/** A core/v1 Secret, as far as apps use it. */
export interface Secret {
  apiVersion: "v1";
  kind: "Secret";
  metadata: WasmApp["metadata"];
  type?: string;
  /** Values in base64. */
  data?: Record<string, string>;
  /** Values in plain text; they win over `data`. */
  stringData?: Record<string, string>;
  immutable?: boolean;
}

const BASE64: SchemaNode = {
  type: "string",
  title: "base64",
  pattern: "^[A-Za-z0-9+/\\r\\n]*={0,2}[\\r\\n]*$",
};
const KEYS: SchemaNode = { title: "a key of letters, digits, -, _ and .", pattern: CONFIG_KEY };

/** Returns the schema of a map of keys to values. */
function entries(value: SchemaNode): SchemaNode {
  return { type: "object", additionalProperties: value, propertyNames: KEYS };
}

const METADATA: SchemaNode = {
  ...WASM_APP_SCHEMA.properties?.["metadata"],
  properties: {
    ...WASM_APP_SCHEMA.properties?.["metadata"]?.properties,
    name: {
      type: "string",
      title: "a name of lower-case letters, digits, - and .",
      minLength: 1,
      maxLength: 253,
      pattern: DNS_SUBDOMAIN,
    },
  },
};

/** Returns the schema of a core/v1 object with these fields. */
function coreObject(kind: string, properties: Record<string, SchemaNode>): SchemaNode {
  return {
    type: "object",
    required: ["apiVersion", "kind", "metadata"],
    properties: {
      apiVersion: { type: "string", enum: ["v1"] },
      kind: { type: "string", enum: [kind] },
      metadata: METADATA,
      immutable: { type: "boolean" },
      ...properties,
    },
    additionalProperties: false,
  };
}

/** The schema of a ConfigMap. */
export const CONFIG_MAP_SCHEMA = coreObject("ConfigMap", {
  data: entries({ type: "string" }),
  binaryData: entries(BASE64),
});

/** The schema of a Secret. */
export const SECRET_SCHEMA = coreObject("Secret", {
  type: { type: "string", maxLength: 253 },
  data: entries(BASE64),
  stringData: entries({ type: "string" }),
});
