import { expect, test } from "vitest";
import { WasmletError } from "../common/errors.ts";
import { createTextLog, withNamespace } from "./runtime-log.ts";

function now(): Date {
  return new Date(2026, 10, 23, 12, 30, 1);
}

/** What a text log writes, with the time left out. */
function linesOf(use: (log: ReturnType<typeof createTextLog>) => void, hasColor = false): string {
  let text = "";
  use(createTextLog({ hasColor, now, write: (part) => (text += part) }));
  return text;
}

test("log: a message has its fields behind it", () => {
  const text = linesOf((log) =>
    log.info("serving", { folder: "a b", apps: 2, url: "http://x", cause: new Error("e") }),
  );
  expect(text).toBe('12:30:01 serving folder="a b" apps=2 url=http://x cause="e"\n');
});

test("log: levels are named, guests' streams are told apart", () => {
  const text = linesOf((log) => {
    log.warn("slow");
    log.error("down");
    log.guest("default/hello", "stdout", "hi");
    log.guest("default/hello", "stderr", "oh");
  });
  expect(text.replaceAll("12:30:01 ", "")).toBe("warn slow\nerror down\ndefault/hello | hi\ndefault/hello ! oh\n");
});

test("log: a guest cannot steer the terminal", () => {
  expect(linesOf((log) => log.guest("default/hello", "stdout", "\u001B]0;title\u0007"))).toContain(
    "| \uFFFD]0;title\uFFFD\n",
  );
});

test("log: colours come on request alone", () => {
  const escape = "\u001B[";
  expect(linesOf((log) => log.warn("slow"), true)).toContain(escape);
  expect(linesOf((log) => log.warn("slow"))).not.toContain(escape);
});

test("log: an error's fields have lines of their own, and nothing is said twice", () => {
  const error = new WasmletError("MANIFEST_TYPE", "spec.env: expected a list", {
    where: "app.yaml:3:4",
    expected: "a list",
  });
  const text = linesOf((log) => log.error(`${error.code}: ${error.message}`, error.toJSON()));
  expect(text.split("\n").slice(0, 2)).toEqual([
    "12:30:01 error MANIFEST_TYPE: spec.env: expected a list",
    "  where: app.yaml:3:4",
  ]);
  expect(text).toContain("\n  fix: Give it a value of the type named");
  expect(text).not.toContain("expected: ");
});

test("log: an app that the message names is not said twice, and machines get its namespace apart", () => {
  expect(linesOf((log) => log.info("default/hello is Ready", { app: "default/hello", url: "http://x" }))).toBe(
    "12:30:01 default/hello is Ready url=http://x\n",
  );
  expect(withNamespace({ app: "default/hello", stream: "stdout" })).toEqual({
    namespace: "default",
    app: "hello",
    stream: "stdout",
  });
  expect(withNamespace({ apps: 2 })).toEqual({ apps: 2 });
});
