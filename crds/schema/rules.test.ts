import { expect, test } from "vitest";
import { exactlyOneOf, rules } from "../wasm-app/builders.ts";
import { checkRules } from "./rules.ts";
import type { SchemaNode } from "./schema-node.ts";

const CHOICE: SchemaNode = { type: "object", ...rules(exactlyOneOf("http", "command", "cron")) };

test.each([
  [{}, "got none"],
  [{ http: {}, command: {} }, "got http and command"],
  [{ command: {}, cron: {} }, "got command and cron"],
  [{ http: {}, command: {}, cron: {} }, "got http and command and cron"],
])("exactly one of: %j is refused with what came", (value, ending) => {
  expect(checkRules(value, CHOICE)).toEqual([
    { code: "MANIFEST_RULE", path: [], message: `exactly one of http, command, cron is expected; ${ending}` },
  ]);
});

test.each([{ http: {} }, { command: {} }, { cron: {} }])("exactly one of: %j is accepted", (value) => {
  expect(checkRules(value, CHOICE)).toEqual([]);
});

test("rules: whole numbers are integers, also inside lists and maps", () => {
  const schema: SchemaNode = {
    type: "object",
    properties: {
      list: { type: "array", items: { type: "integer", ...rules({ rule: "self % 2 == 0", message: "even" }) } },
    },
    additionalProperties: { type: "integer", ...rules({ rule: "self / 2 == 3", message: "six or seven" }) },
  };
  expect(checkRules({ list: [2, 3], a: 7, b: 8 }, schema)).toEqual([
    { code: "MANIFEST_RULE", path: ["list", 1], message: "even" },
    { code: "MANIFEST_RULE", path: ["b"], message: "six or seven" },
  ]);
});

test("rules: one that can't be evaluated counts as broken", () => {
  const schema: SchemaNode = { type: "object", ...rules({ rule: "self.missing == 1", message: "missing is one" }) };
  expect(checkRules({}, schema)).toMatchObject([{ message: "missing is one" }]);
});

test("rules: the field path of a rule is added to its node's", () => {
  const schema: SchemaNode = {
    type: "object",
    properties: { a: { type: "object", ...rules({ rule: "false", message: "no", fieldPath: ".b.c" }) } },
  };
  expect(checkRules({ a: {} }, schema)).toMatchObject([{ path: ["a", "b", "c"] }]);
});

test("rules: nodes to skip are skipped, their children are not", () => {
  const never = rules({ rule: "false", message: "no" });
  const schema: SchemaNode = { type: "object", ...never, properties: { a: { type: "object", ...never } } };
  expect(checkRules({ a: {} }, schema, (path) => path.length === 0)).toMatchObject([{ path: ["a"] }]);
});
