import { expect, test } from "vitest";
import { readAppLine, readStamp } from "./app-line.ts";

const APP = { namespace: "default", name: "hello" };
const TIME = "2026-01-01T00:00:00.5Z";

function read(entry: unknown): unknown {
  return readAppLine(readStamp(`${TIME} ${typeof entry === "string" ? entry : JSON.stringify(entry)}`)!, APP);
}

test("log line: what the app wrote, and what the runtime says of it, in either form of its name", () => {
  const written = { level: "info", time: TIME, stream: "stderr", msg: "hi" };
  const line = { time: TIME, stream: "stderr", message: "hi" };
  expect(read({ ...written, namespace: "default", app: "hello" })).toEqual(line);
  expect(read({ ...written, app: "default/hello" })).toEqual(line);
  expect(read({ level: "warn", app: "default/hello", msg: "it trapped" })).toEqual({
    time: TIME,
    message: "warn: it trapped",
  });
});

test.each([
  ["another app", { namespace: "default", app: "hello2", stream: "stdout", msg: "hello" }],
  ["another namespace", { namespace: "web", app: "hello", stream: "stdout", msg: "" }],
  ["no app", { msg: "hello" }],
  ["no object", '"hello"'],
  ["no JSON", "hello"],
  ["JSON that was cut", '{"namespace":"default","app":"hello","msg":"…'],
  ["a stream that nobody knows", { namespace: "default", app: "hello", stream: "x", msg: "" }],
])("log line: %s is not the app's", (_, entry) => {
  expect(read(entry)).toBeUndefined();
});

test("log line: times are in order as texts, in whatever zone and with whatever fraction they are written", () => {
  const times = [
    "1999-01-01T00:00:00Z",
    "2026-01-01T01:00:00.000000001+01:00",
    "2026-01-01T00:00:00.1Z",
    "2026-01-01T00:00:00.123456789Z",
    "2025-12-31T19:00:01-05:00",
  ];
  const orders = times.map((time) => readStamp(`${time} x`)!.order);
  expect(orders).toEqual(orders.toSorted());
  expect(new Set(orders).size).toBe(times.length);
  expect(readStamp("failed to read the log")).toBeUndefined();
  expect(readStamp(TIME)).toMatchObject({ text: "" });
});
