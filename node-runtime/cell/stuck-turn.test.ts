import { expect, test } from "vitest";
import { StuckTurn } from "./stuck-turn.ts";

test("StuckTurn: a turn is stuck a second after its deadline, not before", () => {
  const watched = new StuckTurn();
  const turn = { turn: 1, deadlineMs: 500 };
  expect([100, 500, 1500, 1501].map((nowMs) => watched.isStuck(turn, nowMs))).toEqual([false, false, false, true]);
});

test("StuckTurn: short turns past a deadline of long ago are not stuck, a long one is", () => {
  const watched = new StuckTurn();
  for (let turn = 1; turn < 100; turn++) {
    expect(watched.isStuck({ turn, deadlineMs: 0 }, 5000 + turn * 100)).toBe(false);
  }
  const long = { turn: 100, deadlineMs: 0 };
  expect([20_000, 21_000, 21_001].map((nowMs) => watched.isStuck(long, nowMs))).toEqual([false, false, true]);
});

test("StuckTurn: nobody's turn is never stuck, and a deadline that does not come neither", () => {
  const watched = new StuckTurn();
  for (const turn of [0, 7]) {
    const deadlineMs = turn === 0 ? 0 : Infinity;
    expect([1, 10_000].map((nowMs) => watched.isStuck({ turn, deadlineMs }, nowMs))).toEqual([false, false]);
  }
});
