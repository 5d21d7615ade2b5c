import { expect, test } from "vitest";
import type { SchemaNode } from "./schema-node.ts";
import { checkStructure } from "./structure.ts";

/** The messages of a value under a schema, each after its path. */
function messages(value: unknown, schema: SchemaNode, redact = false): string[] {
  return checkStructure(value, schema, { redact }).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test.each<[SchemaNode, unknown, string]>([
  [{ type: "string" }, 8080, "expected a text, got the number 8080; put it in quotes"],
  [{ type: "string" }, true, "expected a text, got true; put it in quotes"],
  [{ type: "string" }, [], "expected a text, got an empty list"],
  [{ type: "integer" }, "5", 'expected a whole number, got "5"'],
  [{ type: "integer" }, 1.5, "expected a whole number, got the number 1.5"],
  [{ type: "integer" }, Infinity, "expected a whole number, got the number Infinity"],
  [{ type: "boolean" }, "yes", 'expected true or false, got "yes"'],
  [{ type: "array" }, {}, "expected a list, got a mapping"],
  [{ type: "object" }, [1], "expected a mapping, got a list of 1"],
  [{ type: "object", properties: { a: {}, b: {} } }, "x", 'expected a mapping with a, b, got "x"'],
  [{ type: "object" }, null, "expected a mapping, got null"],
  [
    { type: "string", enum: ["Always", "Never"] },
    "always",
    'expected one of Always, Never, got "always"; did you mean Always?',
  ],
  [
    { type: "string", enum: ["Always", "Never"] },
    5,
    "expected one of Always, Never, got the number 5; put it in quotes",
  ],
  [{ type: "string", maxLength: 3 }, "abcd", "expected at most 3 characters, got 4"],
  [{ type: "string", minLength: 1 }, "", 'expected at least 1 characters, got ""'],
  [{ type: "string", minLength: 1, title: "a name" }, "", 'expected a name, got ""'],
  [{ type: "string", pattern: "^a+$", title: "some a" }, "b", 'expected some a, got "b"'],
  [{ type: "integer", maximum: 10 }, 11, "expected at most 10, got 11"],
  [{ type: "integer", minimum: 1 }, 0, "expected at least 1, got 0"],
  [{ type: "array", maxItems: 1 }, [1, 2], "expected at most 1 entry, got 2"],
  [{ type: "array", minItems: 2 }, [], "expected at least 2 entries, got 0"],
  [{ type: "object", additionalProperties: {}, maxProperties: 1 }, { a: 1, b: 2 }, "expected at most 1 entry, got 2"],
  [{ "x-kubernetes-int-or-string": true, title: "a quantity" }, 1.5, "expected a quantity, got the number 1.5"],
])("structure: under %j, %j is reported", (schema, value, message) => {
  expect(messages(value, schema)).toEqual([`: ${message}`]);
});

test.each<[SchemaNode, unknown]>([
  [{ type: "string", maxLength: 3 }, "\u{1f600}\u{1f600}\u{1f600}"],
  [{ type: "integer", minimum: 0, maximum: 0 }, 0],
  [{ type: "integer" }, 3],
  [{ "x-kubernetes-int-or-string": true, minimum: 1 }, 5],
  [{ "x-kubernetes-int-or-string": true, pattern: "^a$" }, "a"],
  [{}, { anything: [null] }],
  [{ type: "array", "x-kubernetes-list-type": "atomic" }, [1, 1]],
])("structure: under %j, %j is fine", (schema, value) => {
  expect(messages(value, schema)).toEqual([]);
});

test("structure: unknown and missing fields are reported together, each with its path", () => {
  const schema: SchemaNode = {
    type: "object",
    properties: { memory: { type: "string", title: "a quantity" }, name: { type: "string" } },
    required: ["memory", "name"],
    additionalProperties: false,
  };
  expect(messages({ memry: 1, constructor: 2, name: 3 }, schema)).toEqual([
    'memry: unknown field "memry"; did you mean memory?',
    'constructor: unknown field "constructor"',
    "name: expected a text, got the number 3; put it in quotes",
    "memory: is required: a quantity",
  ]);
});

test("structure: two entries with one key are reported at the second", () => {
  const schema: SchemaNode = {
    type: "array",
    items: { type: "object", additionalProperties: {} },
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
  };
  expect(checkStructure([{ name: "A" }, { name: "B" }, { name: "A" }], schema)).toEqual([
    { code: "MANIFEST_DUPLICATE_ENTRY", path: [2, "name"], message: '"A" is already used by [0]' },
  ]);
});

test("structure: a set has no entry twice", () => {
  expect(messages(["a", "b", "a"], { type: "array", "x-kubernetes-list-type": "set" })).toEqual([
    '2: "a" is already used by [0]',
  ]);
});

test("structure: names of map entries keep their pattern", () => {
  const schema: SchemaNode = {
    type: "object",
    additionalProperties: {},
    propertyNames: { pattern: "^[a-z]+$", title: "a key" },
  };
  expect(messages({ ok: 1, "not ok": 2 }, schema)).toEqual(['not ok: expected a key, got "not ok"']);
});

test("contract: redacted messages hold no value", () => {
  const schema: SchemaNode = {
    type: "object",
    properties: {
      number: { type: "string" },
      text: { type: "string", pattern: "^x$", title: "an x" },
      list: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
    },
  };
  const found = messages({ number: 1234567, text: "hunter2", list: ["hunter2", "hunter2"] }, schema, true);
  expect(found).toHaveLength(3);
  expect(found.join("\n")).not.toMatch(/1234567|hunter2/);
});

test("structure: a text that is too long is not matched against its pattern", () => {
  const schema: SchemaNode = { type: "string", maxLength: 5, pattern: "^(a+)+$" };
  expect(messages(`${"a".repeat(60)}!`, schema)).toEqual([": expected at most 5 characters, got 61"]);
});
