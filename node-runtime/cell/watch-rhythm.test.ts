import { expect, test } from "vitest";
import { WatchRhythm } from "./watch-rhythm.ts";

test("WatchRhythm: seldom while nothing runs, soon for a while after something did", () => {
  const rhythm = new WatchRhythm();
  expect(rhythm.next(0, undefined)).toBe(32);
  expect(rhythm.next(1, undefined)).toBe(2);
  expect([1, 1, 1, 1, 1].map((activity) => rhythm.next(activity, undefined))).toEqual([4, 8, 16, 32, 32]);
});

test("WatchRhythm: when the turn under way has to stop, and no later", () => {
  const rhythm = new WatchRhythm();
  expect([0.5, 100, -3, Infinity].map((leftMs) => rhythm.next(1, leftMs))).toEqual([0.5, 2, 2, 2]);
});
