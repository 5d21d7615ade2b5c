import { expect, test } from "vitest";
import { type Found, WatchRhythm } from "./watch-rhythm.ts";

const NOBODY: Found = { turn: 0, leftMs: 0, activity: 0 };

test("WatchRhythm: seldom while nothing runs, more often while guests run shortly", () => {
  const rhythm = new WatchRhythm();
  expect(rhythm.next(NOBODY, 0)).toBe(64);
  expect(rhythm.next({ ...NOBODY, activity: 7 }, 0)).toBe(16);
  expect([1, 2, 3].map((turn) => rhythm.next({ turn, leftMs: 2, activity: turn }, 0))).toEqual([16, 16, 16]);
  const quiet = { ...NOBODY, activity: 3 };
  expect([0, 0, 0].map((nowMs) => rhythm.next(quiet, nowMs))).toEqual([32, 64, 64]);
});

test("WatchRhythm: closely for a second once one turn was found twice, or one that is over", () => {
  for (const found of [
    { turn: 5, leftMs: 1, activity: 1 },
    { turn: 6, leftMs: -1, activity: 1 },
  ]) {
    const rhythm = new WatchRhythm();
    rhythm.next({ turn: 5, leftMs: 1, activity: 1 }, 0);
    expect(rhythm.next(found, 10)).toBeLessThanOrEqual(2);
    expect(rhythm.next({ ...NOBODY, activity: 1 }, 1009)).toBe(2);
    expect(rhythm.next({ ...NOBODY, activity: 1 }, 1010)).toBeGreaterThan(2);
  }
});

test("WatchRhythm: closely means when the turn under way has to stop, and no later", () => {
  const rhythm = new WatchRhythm();
  rhythm.next({ turn: 1, leftMs: -1, activity: 1 }, 0);
  const waits = [0.5, 100, -3, Infinity].map((leftMs) => rhythm.next({ turn: 2, leftMs, activity: 1 }, 1));
  expect(waits).toEqual([0.5, 2, 2, 2]);
});
