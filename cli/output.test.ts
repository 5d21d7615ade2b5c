import { expect, test } from "vitest";
import { WasmletError } from "../common/errors.ts";
import { describeError, exitCodeOf, formatBytes, formatSeconds, printable } from "./output.ts";

test.each([
  [0, "0µs"],
  [0.000_34, "340µs"],
  [0.000_999_4, "999µs"],
  [0.000_999_6, "1.0ms"],
  [0.001_2, "1.2ms"],
  [0.012_3, "12ms"],
  [0.999_4, "999ms"],
  [0.999_6, "1s"],
  [1.24, "1.2s"],
  [59.94, "59.9s"],
  [59.96, "1m"],
  [125, "2m5s"],
])("output: %d seconds read as %s", (seconds, expected) => {
  expect(formatSeconds(seconds)).toBe(expected);
});

test.each([
  [930, "930 B"],
  [80_077, "78.2 KiB"],
  [13_212_058, "12.6 MiB"],
  [2 ** 32, "4.0 GiB"],
  [2 ** 42, "4096.0 GiB"],
])("output: %d bytes read as %s", (bytes, expected) => {
  expect(formatBytes(bytes)).toBe(expected);
});

test("output: control characters cannot steer the terminal, tabs stay", () => {
  expect(printable("a\u001B[2Jb\r\tc\u009Bd")).toBe("a\uFFFD[2Jb\uFFFD\tc\uFFFDd");
});

const ERROR = new WasmletError("APP_PORT_CONFLICT", "two apps want port 80", {
  expected: "one app per port",
  actual: "a and b",
  where: "app.yaml:3:4",
});

test("output: an error says what, what was expected, what came, where and what to do", () => {
  expect(describeError(ERROR)).toBe(
    [
      "error: APP_PORT_CONFLICT: two apps want port 80",
      "  expected: one app per port",
      "  got: a and b",
      "  where: app.yaml:3:4",
      "  fix: Give one of them another port in the annotation wasmlet.dev/port; on a cluster, the operator does.",
      "",
    ].join("\n"),
  );
});

test("output: an error as JSON has the same parts", () => {
  expect(JSON.parse(describeError(ERROR, { asJson: true }))).toEqual({ error: ERROR.toJSON() });
});

test("output: the stack is shown on request alone", () => {
  const lineOfStack = / {4}at .*output\.test\.ts/;
  expect(describeError(ERROR)).not.toMatch(lineOfStack);
  expect(describeError(ERROR, { withStack: true })).toMatch(lineOfStack);
  expect(describeError(new Error("broken"))).not.toMatch(lineOfStack);
});

test("output: an error without a code is called a defect", () => {
  expect(describeError(new TypeError("x is not a function"))).toMatch(
    /^error: x is not a function\n {2}fix: This is a defect of wasmlet/,
  );
});

test("output: lines of a message stay lines, its control characters don't stay", () => {
  const error = new WasmletError("GUEST_BUILD_FAILED", "one\ntwo\u001B[2J");
  expect(describeError(error)).toMatch(/^error: GUEST_BUILD_FAILED: one\ntwo\uFFFD\[2J\n/);
});

test("output: the exit code tells a wrong command line from a failure", () => {
  expect(exitCodeOf(new WasmletError("CLI_USAGE", "?"))).toBe(2);
  expect(exitCodeOf(ERROR)).toBe(1);
  expect(exitCodeOf("thrown text")).toBe(1);
});
