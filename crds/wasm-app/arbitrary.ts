import fc from "fast-check";
import { applyDefaults } from "../schema/defaults.ts";
import { checkRules } from "../schema/rules.ts";
import { isMapping, type SchemaNode } from "../schema/schema-node.ts";
import { WASM_APP_SCHEMA } from "./schema.ts";

/*
 * Generated manifests for property tests. They follow the schema, so that new fields are covered without a change here,
 * and are then broken in a few places: judges have to agree on both sides of the line.
 */

/** Returns manifests that are mostly valid. */
export function arbitraryManifest(): fc.Arbitrary<unknown> {
  const { status: _status, ...properties } = WASM_APP_SCHEMA.properties ?? {};
  const { name, labels } = properties["metadata"]?.properties ?? {};
  const metadata: SchemaNode = {
    type: "object",
    properties: { ...(name && { name }), ...(labels && { labels }) },
    required: ["name"],
  };
  return arbitraryOf({ ...WASM_APP_SCHEMA, properties: { ...properties, metadata } });
}

/** Returns manifests with up to four things changed that may make them invalid. */
export function arbitraryBrokenManifest(): fc.Arbitrary<unknown> {
  const mutation = fc.record({
    steps: fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }),
    change: arbitraryChange(),
  });
  return fc
    .tuple(arbitraryManifest(), fc.array(mutation, { minLength: 1, maxLength: 4 }))
    .map(([manifest, mutations]) =>
      mutations.reduce((value, { steps, change }) => changeAt(value, steps, change), manifest),
    );
}

type Change =
  | { kind: "replace"; by: unknown }
  | { kind: "remove" | "repeat" }
  | { kind: "add"; name: string; by: unknown };

function arbitraryOf(schema: SchemaNode): fc.Arbitrary<unknown> {
  if (schema["x-kubernetes-int-or-string"] === true) return fc.constantFrom("64Mi", "1.5Gi", "0.5k", "100", 65_536);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.type === "string") return arbitraryText(schema);
  if (schema.type === "integer") return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1000 });
  if (schema.type === "boolean") return fc.boolean();
  if (schema.type === "array") {
    const bounds = { minLength: schema.minItems ?? 0, maxLength: Math.min(3, schema.maxItems ?? 3) };
    return fc.array(arbitraryOf(schema.items ?? {}), bounds);
  }
  if (typeof schema.additionalProperties === "object") {
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), arbitraryOf(schema.additionalProperties), { maxKeys: 3 });
  }
  return arbitraryObject(schema);
}

function arbitraryText({ pattern, minLength = 0, maxLength = 20 }: SchemaNode): fc.Arbitrary<string> {
  if (pattern === undefined) return fc.string({ minLength, maxLength: Math.min(maxLength, 20) });
  const matching = fc.stringMatching(new RegExp(pattern, "u"));
  return fc.oneof(
    { weight: 9, arbitrary: matching.filter((text) => text.length <= maxLength) },
    { weight: 1, arbitrary: matching },
  );
}

function arbitraryObject(schema: SchemaNode): fc.Arbitrary<unknown> {
  const properties = Object.entries(schema.properties ?? {});
  const required = schema.required ?? [];
  const exclusive = exclusiveNames(schema);
  if (exclusive.length === 0) return keepingRules(recordOf(properties, required), schema);
  const variants = exclusive.map((chosen) => {
    const others = properties.filter(([name]) => name === chosen || !exclusive.includes(name));
    return recordOf(others, [...required, chosen]);
  });
  return keepingRules(fc.oneof(...variants), schema);
}

/** Returns what keeps the rules of its schema, most of the time. */
function keepingRules(values: fc.Arbitrary<unknown>, schema: SchemaNode): fc.Arbitrary<unknown> {
  if (schema["x-kubernetes-validations"] === undefined) return values;
  const kept = values.filter((value) => checkRules(applyDefaults(value, schema), schema).length === 0);
  return fc.oneof({ weight: 19, arbitrary: kept }, { weight: 1, arbitrary: values });
}

function recordOf(properties: [string, SchemaNode][], requiredKeys: readonly string[]): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(properties.map(([name, property]) => [name, arbitraryOf(property)]));
  return fc.record(fields, { requiredKeys: [...requiredKeys], noNullPrototype: true });
}

/** Returns the properties of which a rule wants exactly one. */
function exclusiveNames(schema: SchemaNode): string[] {
  const rule = schema["x-kubernetes-validations"]?.find((candidate) => candidate.rule.endsWith(".exists_one(x, x)"));
  return [...(rule?.rule.matchAll(/has\(self\.(\w+)\)/g) ?? [])].map(([, name = ""]) => name);
}

function arbitraryChange(): fc.Arbitrary<Change> {
  const junk = fc.constantFrom<unknown>(
    null,
    0,
    -1,
    1.5,
    1e9,
    "",
    "x",
    "-",
    "\u{1f600}",
    "a".repeat(600),
    true,
    [],
    {},
    [null],
    { x: 1 },
  );
  const names = fc.constantFrom(
    "x",
    "http",
    "oci",
    "command",
    "value",
    "emptyDir",
    "canary",
    "maxReplicas",
    "__proto__",
    "constructor",
  );
  return fc.oneof(
    junk.map((by) => ({ kind: "replace" as const, by })),
    fc.constantFrom("remove" as const, "repeat" as const).map((kind) => ({ kind })),
    fc.record({ kind: fc.constant("add" as const), name: names, by: junk }),
  );
}

/** Returns a value with a change made at the place that the steps lead to. */
function changeAt(value: unknown, steps: readonly number[], change: Change): unknown {
  const keys = Array.isArray(value) ? [...value.keys()].map(String) : isMapping(value) ? Object.keys(value) : [];
  const [step = 0, ...rest] = steps;
  if (change.kind === "add" && isMapping(value) && (rest.length === 0 || keys.length === 0)) {
    return Object.fromEntries([...Object.entries(value), [change.name, change.by]]);
  }
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined || steps.length === 0) return change.kind === "replace" ? change.by : value;
  const changes = ([name, child]: [string, unknown]): [string, unknown][] => {
    if (name !== key) return [[name, child]];
    if (rest.length > 0) return [[name, changeAt(child, rest, change)]];
    if (change.kind === "remove") return [];
    if (change.kind === "repeat")
      return [
        [name, child],
        [`${name}2`, child],
      ];
    return [[name, change.kind === "replace" ? change.by : child]];
  };
  const changed = Object.entries(value as object).flatMap(changes);
  return Array.isArray(value) ? changed.map(([, child]) => child) : Object.fromEntries(changed);
}
