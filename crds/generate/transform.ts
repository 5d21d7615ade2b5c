import type { SchemaNode } from "../schema/schema-node.ts";
import { WasmAppDefinition } from "../wasm-app/definition.ts";
import { DNS_SUBDOMAIN } from "../wasm-app/patterns.ts";

/** The definition of WasmApp as a plain schema, which is what a typebox type is at run time. */
export const DEFINITION = WasmAppDefinition as unknown as SchemaNode;

/** The name of objects that are named like most. */
export const METADATA_NAME: SchemaNode = { type: "string", pattern: DNS_SUBDOMAIN };

/** Returns a schema with `change` applied to every node, leaves first. */
export function mapSchema(node: SchemaNode, change: (node: SchemaNode) => SchemaNode): SchemaNode {
  const result: SchemaNode = { ...node };
  if (node.properties !== undefined) {
    result.properties = Object.fromEntries(
      Object.entries(node.properties).map(([name, property]) => [name, mapSchema(property, change)]),
    );
  }
  if (node.items !== undefined) result.items = mapSchema(node.items, change);
  if (typeof node.additionalProperties === "object") {
    result.additionalProperties = mapSchema(node.additionalProperties, change);
  }
  return change(result);
}

/** Returns an object node whose `required` leaves out properties with a default: users need not write those. */
export function relaxDefaulted(node: SchemaNode): SchemaNode {
  if (node.required === undefined) return node;
  const { required, ...rest } = node;
  const kept = required.filter((name) => node.properties?.[name]?.default === undefined);
  return kept.length === 0 ? rest : { ...rest, required: kept };
}
