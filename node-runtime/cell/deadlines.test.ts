import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Deadlines, type Limited } from "./deadlines.ts";

const expired: string[] = [];
const named = (name: string): Limited => ({ expire: () => expired.push(name) });

beforeEach(() => {
  expired.length = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "performance"] });
});

afterEach(() => void vi.useRealTimers());

test("deadlines: each expires when its time is over, not before", () => {
  const deadlines = new Deadlines(100);
  deadlines.add(named("a"), performance.now());
  vi.advanceTimersByTime(50);
  deadlines.add(named("b"), performance.now());
  vi.advanceTimersByTime(49);
  expect(expired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(expired).toEqual(["a"]);
  vi.advanceTimersByTime(50);
  expect(expired).toEqual(["a", "b"]);
});

test("deadlines: what is over does not expire, and those behind it do in time", () => {
  const deadlines = new Deadlines(100);
  const over = named("over");
  deadlines.add(over, performance.now());
  vi.advanceTimersByTime(30);
  deadlines.delete(over);
  deadlines.add(named("late"), performance.now());
  vi.advanceTimersByTime(99);
  expect(expired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(expired).toEqual(["late"]);
});

test("deadlines: what began before it was added has less time", () => {
  const deadlines = new Deadlines(100);
  const beganMs = performance.now();
  vi.advanceTimersByTime(80);
  deadlines.add(named("a"), beganMs);
  vi.advanceTimersByTime(20);
  expect(expired).toEqual(["a"]);
});

test("deadlines: longer times than timers take do not expire at once", () => {
  const deadlines = new Deadlines(2 ** 40);
  deadlines.add(named("a"), performance.now());
  vi.advanceTimersByTime(2 ** 32);
  expect(expired).toEqual([]);
});
