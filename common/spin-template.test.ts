import fc from "fast-check";
import { expect, test } from "vitest";
import { fillTemplate, parseTemplate, templateProblem, variableNameProblem } from "./spin-template.ts";

test.each([
  ["", []],
  ["a", [{ text: "a" }]],
  ["a-{{ expr }}-b", [{ text: "a-" }, { variable: "expr" }, { text: "-b" }]],
  ["{{one}}{{ two }}", [{ variable: "one" }, { variable: "two" }]],
  ["{ {a} }", [{ text: "{ {a} }" }]],
  ["{{ a }} {{ b", undefined],
])("template: %j", (template, parts) => {
  expect(parseTemplate(template)).toEqual(parts);
});

test.each([
  ["{{ user }}@db", undefined],
  ["{{ nobody }}", 'the unknown variable "nobody"'],
  ["{{ user", "an expression without }}"],
])("template: %j has %s", (template, problem) => {
  expect(templateProblem(template, new Set(["user"]))).toBe(problem);
});

test.each([
  ["api_key2", undefined],
  ["", "must not be empty"],
  ["Key", "invalid character 'K'"],
  ["2fa", "must start with"],
  ["a__b", "multiple consecutive"],
  ["a_", "must end with"],
])("variable name: %j %s", (name, problem) => {
  if (problem === undefined) expect(variableNameProblem(name)).toBeUndefined();
  else expect(variableNameProblem(name)).toContain(problem);
});

test("template: values are put in as they are, and not looked at again", () => {
  const text = fc.string().filter((value) => !value.includes("{") && !value.includes("}"));
  fc.assert(
    fc.property(text, fc.string(), text, (before, value, after) => {
      expect(fillTemplate(`${before}{{ name }}${after}`, new Map([["name", value]]))).toBe(before + value + after);
    }),
  );
});
