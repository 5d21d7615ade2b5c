import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { exitCodeOfSignal, listenForHangUp, listenForStop } from "./signals.ts";

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

test("signals: a hang-up that comes before anybody handles it is handled then", () => {
  const source = new FakeProcess();
  const handleHangUps = listenForHangUp(source);
  let handled = 0;
  source.emit("SIGHUP", "SIGHUP");
  handleHangUps(() => handled++);
  expect(handled).toBe(1);
  source.emit("SIGHUP", "SIGHUP");
  expect(handled).toBe(2);
});
