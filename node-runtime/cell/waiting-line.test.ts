import { expect, test } from "vitest";
import type { Limited } from "./deadlines.ts";
import { WaitingLine } from "./waiting-line.ts";

const MAX_MS = 500;

/** A line whose clock the test moves. */
class Line {
  nowMs = 0;
  readonly line = new WaitingLine(MAX_MS, () => this.nowMs);

  enter(count: number): Limited[] {
    const entered = Array.from({ length: count }, (): Limited => ({ expire: () => {} }));
    for (const limited of entered) this.line.enter(limited, this.nowMs);
    return entered;
  }

  /** Gives each a turn, so much time after the one before. */
  serve(waiting: readonly Limited[], paceMs: number): void {
    for (const limited of waiting) {
      this.nowMs += paceMs;
      this.line.turn(limited);
    }
  }
}

test("waiting line: as long as nobody knows how it gets on, all are let in", () => {
  const test = new Line();
  const waiting = test.enter(10_000);
  expect(test.line.isTooLong).toBe(false);
  test.serve(waiting.slice(0, 7), 1000);
  expect(test.line.isTooLong).toBe(false);
});

test("waiting line: it is too long for one more when those in it take longer than one may wait", () => {
  const test = new Line();
  const waiting = test.enter(60);
  test.serve(waiting.slice(0, 10), 10);
  expect(test.line.isTooLong).toBe(false);
  test.enter(1);
  expect(test.line.isTooLong).toBe(true);
});

test("waiting line: who leaves makes room", () => {
  const test = new Line();
  const waiting = test.enter(61);
  test.serve(waiting.slice(0, 10), 10);
  expect(test.line.isTooLong).toBe(true);
  test.line.leave(waiting[20]!);
  expect(test.line.isTooLong).toBe(false);
});

test("waiting line: it goes by how turns come now, not by how they came", () => {
  const test = new Line();
  const waiting = test.enter(200);
  test.serve(waiting.slice(0, 8), 100);
  expect(test.line.isTooLong).toBe(true);
  test.serve(waiting.slice(8, 60), 1);
  expect(test.line.isTooLong).toBe(false);
});

test("waiting line: an empty one lets everybody in, however slow it was", () => {
  const test = new Line();
  test.serve(test.enter(20), 10_000);
  test.enter(1000);
  expect(test.line.isTooLong).toBe(false);
});
