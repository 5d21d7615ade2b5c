import type { FieldPath } from "./field-problem.ts";
import { isMapping, propertySchema, type SchemaNode } from "./schema-node.ts";

/** Called with the path of each null that is dropped. */
type OnNull = (path: FieldPath) => void;

/**
 * Returns the value as an API server stores it: nulls of object properties dropped and defaults filled in, for objects
 * that are there or come from a default themselves. The value given is not changed; unknown fields stay.
 */
export function applyDefaults(value: unknown, schema: SchemaNode, onNull?: OnNull, path: FieldPath = []): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined
      ? value
      : value.map((item, index) => applyDefaults(item, items, onNull, [...path, index]));
  }
  if (!isMapping(value)) return value;
  const entries: [string, unknown][] = [];
  for (const [name, property] of Object.entries(value)) {
    if (property === undefined) continue;
    const known = propertySchema(schema, name);
    if (property === null && known !== undefined) onNull?.([...path, name]);
    else entries.push([name, known === undefined ? property : applyDefaults(property, known, onNull, [...path, name])]);
  }
  const present = new Set(entries.map(([name]) => name));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (present.has(name) || property.default === undefined) continue;
    entries.push([name, applyDefaults(structuredClone(property.default), property)]);
  }
  // fromEntries defines own properties, so that a field called __proto__ stays a field.
  return Object.fromEntries(entries);
}
