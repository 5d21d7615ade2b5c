import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { exitCodeOfSignal, listenForStop } from "./signals.ts";

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

test("signals: the first one asks to stop", async () => {
  const source = new FakeProcess();
  const stop = listenForStop(source);
  expect(stop.aborted.aborted).toBe(false);
  source.emit("SIGTERM", "SIGTERM");
  expect(await stop.first).toBe("SIGTERM");
  expect(stop.aborted.aborted).toBe(true);
  expect(source.exits).toEqual([]);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("signals: a second one, %s, exits at once with %d", (signal, code) => {
  const source = new FakeProcess();
  listenForStop(source);
  source.emit("SIGINT", "SIGINT");
  source.emit(signal, signal);
  expect(source.exits).toEqual([code]);
  expect(exitCodeOfSignal(signal)).toBe(code);
});
