import { expect, test } from "vitest";
import { WasmletError } from "../common/errors.ts";
import { createTextLog, ProblemReporter } from "./runtime-log.ts";

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

test("log: a problem is told once, and again when it was gone", () => {
  const told: string[] = [];
  const reporter = new ProblemReporter({ problem: ({ message }) => told.push(message) });
  const [one, two] = ["one", "two"].map((text) => new WasmletError("MANIFEST_TYPE", text)) as [
    WasmletError,
    WasmletError,
  ];
  reporter.report([one, one]);
  reporter.report([one, two]);
  reporter.report([two]);
  reporter.report([one]);
  expect(told).toEqual(["one", "two", "one"]);
});
