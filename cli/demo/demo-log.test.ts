import { expect, test } from "vitest";
import { DemoLog } from "./demo-log.ts";

function start(): { log: DemoLog; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = new DemoLog({ info: write, warn: write, error: write, guest: (_, __, line) => write(line) });
  return { log, lines };
}

test("demo log: what guests print waits for the apps, what goes wrong does not", () => {
  const { log, lines } = start();
  log.guest("default/tour", "stdout", "one");
  log.warn("wrong");
  expect(lines).toEqual(["wrong"]);
  log.release();
  log.guest("default/tour", "stdout", "two");
  expect(lines).toEqual(["wrong", "one", "two"]);
});

test("demo log: a guest that prints without end fills no memory, and the loss is said", () => {
  const { log, lines } = start();
  for (let index = 0; index < 1000; index++) log.guest("default/tour", "stdout", "again");
  log.release();
  expect(lines).toHaveLength(501);
  expect(lines.at(-1)).toBe("500 further lines of guests are not shown");
});

test("demo log: news are told once the demo asks for them", () => {
  const { log, lines } = start();
  log.info("before");
  log.tellNews();
  log.info("default/hello changed: env");
  expect(lines).toEqual(["default/hello changed: env"]);
});
