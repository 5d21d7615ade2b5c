import { expect, test } from "vitest";
import { describeValue, didYouMean, formatPath, isWithin, suggestName } from "./field-problem.ts";

test.each([
  [[], ""],
  [["spec", "limits", "memory"], "spec.limits.memory"],
  [["spec", "env", 0, "name"], "spec.env[0].name"],
  [["metadata", "annotations", "wasmlet.dev/port"], 'metadata.annotations["wasmlet.dev/port"]'],
  [["a b"], '["a b"]'],
])("path: %j is written %s", (path, text) => {
  expect(formatPath(path)).toBe(text);
});

test("path: lies within itself and its ancestors, not within its children or siblings", () => {
  expect(isWithin(["a", 0, "b"], ["a", 0])).toBe(true);
  expect(isWithin(["a"], ["a"])).toBe(true);
  expect(isWithin(["a"], ["a", 0])).toBe(false);
  expect(isWithin(["a", 1], ["a", 0])).toBe(false);
});

test.each([
  [undefined, "nothing", "nothing"],
  [null, "null", "null"],
  ["abc", '"abc"', "a text"],
  [5, "the number 5", "a number"],
  [true, "true", "a boolean"],
  [[1, 2], "a list of 2", "a list of 2"],
  [[], "an empty list", "an empty list"],
  [{ a: 1 }, "a mapping", "a mapping"],
])("value: %j is shown as %s, redacted as %s", (value, shown, redacted) => {
  expect(describeValue(value)).toBe(shown);
  expect(describeValue(value, true)).toBe(redacted);
});

test("value: a long text is cut", () => {
  expect(describeValue("a".repeat(1000))).toBe(`"${"a".repeat(60)}…"`);
});

test.each([
  ["memry", "memory"],
  ["Memory", "memory"],
  ["requestTimoutSecond", "requestTimeoutSeconds"],
  ["banana", undefined],
])("suggestion: for %s it is %s", (name, expected) => {
  expect(suggestName(name, ["memory", "requestTimeoutSeconds", "concurrency"])).toBe(expected);
});

test("suggestion: a huge name is not compared", () => {
  expect(suggestName("a".repeat(100_000), ["a".repeat(100_000)])).toBeUndefined();
});

test("suggestion: is part of a sentence, or nothing", () => {
  expect(didYouMean("memry", ["memory"])).toBe("; did you mean memory?");
  expect(didYouMean("x", ["memory"])).toBe("");
});
