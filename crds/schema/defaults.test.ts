import { expect, test } from "vitest";
import { applyDefaults } from "./defaults.ts";
import type { FieldPath } from "./field-problem.ts";
import type { SchemaNode } from "./schema-node.ts";

const SCHEMA: SchemaNode = {
  type: "object",
  properties: {
    present: { type: "object", default: {}, properties: { size: { type: "integer", default: 3 } } },
    absent: { type: "object", properties: { size: { type: "integer", default: 3 } } },
    list: { type: "array", items: { type: "object", properties: { on: { type: "boolean", default: false } } } },
    map: {
      type: "object",
      additionalProperties: { type: "object", properties: { on: { type: "boolean", default: true } } },
    },
  },
};

test("defaults: fill an object that has a default itself, not one that is absent", () => {
  expect(applyDefaults({}, SCHEMA)).toEqual({ present: { size: 3 } });
});

test("defaults: fill an object that is there", () => {
  expect(applyDefaults({ absent: {} }, SCHEMA)).toEqual({ present: { size: 3 }, absent: { size: 3 } });
});

test("defaults: fill entries of lists and maps", () => {
  const value = { list: [{}, { on: true }], map: { a: {} } };
  expect(applyDefaults(value, SCHEMA)).toMatchObject({ list: [{ on: false }, { on: true }], map: { a: { on: true } } });
});

test("defaults: a null counts as left out and is told of", () => {
  const nulls: FieldPath[] = [];
  const value = { present: { size: null }, absent: null, map: { a: null } };
  expect(applyDefaults(value, SCHEMA, (path) => nulls.push(path))).toEqual({ present: { size: 3 }, map: {} });
  expect(nulls).toEqual([["present", "size"], ["absent"], ["map", "a"]]);
});

test("defaults: nulls in lists, unknown fields and values of other types stay", () => {
  const value = { list: [null], unknown: null, map: 5 };
  expect(applyDefaults(value, SCHEMA)).toMatchObject(value);
});

test("defaults: do not change the value, nor share a default between two", () => {
  const value = { absent: {} };
  const first = applyDefaults(value, SCHEMA) as { present: { size: number } };
  first.present.size = 99;
  expect(value).toEqual({ absent: {} });
  expect(applyDefaults(value, SCHEMA)).toMatchObject({ present: { size: 3 } });
});

test("defaults: a field called __proto__ stays an ordinary field", () => {
  const value: unknown = JSON.parse('{"__proto__": {"polluted": true}}');
  const result = applyDefaults(value, SCHEMA) as object;
  expect(Object.hasOwn(result, "__proto__")).toBe(true);
  expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
});
