import fc from "fast-check";
import { expect, test } from "vitest";
import { rateAfter, RequestRate } from "./request-rate.ts";

/** A request, by the time that the clock had gone forwards before it. */
interface Asked {
  atMs: number;
  isAdmitted: boolean;
}

/** Asks after each step of the clock, which may be one backwards. */
function askAfter(perSecond: number, stepsMs: readonly number[]): Asked[] {
  let [nowMs, atMs] = [1000, 0];
  const rate = new RequestRate(perSecond, nowMs);
  return stepsMs.map((stepMs) => {
    nowMs += stepMs;
    atMs += Math.max(0, stepMs);
    return { atMs, isAdmitted: rate.take(nowMs) };
  });
}

/** Returns by how many requests those admitted from one to another exceed the rate and a burst; one of them for sure. */
function excess(asked: readonly Asked[], perSecond: number, from: number, to: number): number {
  const admitted = asked.slice(from, to + 1).filter(({ isAdmitted }) => isAdmitted).length;
  const seconds = (asked[to]!.atMs - asked[from]!.atMs) / 1000;
  return admitted - (perSecond * seconds + perSecond);
}

/** Eighths of a millisecond, which are whole microseconds and exact; at times a leap of hours. */
const STEP_MS = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 2000 }).map((eighths) => eighths / 8) },
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -10_000_000, max: 10_000_000 }) },
);
const PER_SECOND = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 1_000_000 }));
const STEPS_MS = fc.array(STEP_MS, { maxLength: 60, size: "max" });

test("request rate: no window of time has more than its rate and a burst, whatever the clock does", () => {
  fc.assert(
    fc.property(PER_SECOND, STEPS_MS, (perSecond, stepsMs) => {
      const asked = askAfter(perSecond, stepsMs);
      for (const [to] of asked.entries()) {
        for (let from = 0; from <= to; from++) expect(excess(asked, perSecond, from, to)).toBeLessThanOrEqual(0);
      }
    }),
  );
});

test("request rate: what is refused would have exceeded it in some window, whatever the clock does", () => {
  let refused = 0;
  fc.assert(
    fc.property(PER_SECOND, STEPS_MS, (perSecond, stepsMs) => {
      const asked = askAfter(perSecond, stepsMs);
      for (const [to, { isAdmitted }] of asked.entries()) {
        if (isAdmitted) continue;
        refused++;
        const windows = Array.from({ length: to + 1 }, (_, from) => excess(asked, perSecond, from, to) + 1);
        expect(Math.max(...windows)).toBeGreaterThan(0);
      }
    }),
  );
  expect(refused).toBeGreaterThan(100);
});

test("request rate: a second's worth at once, then one after each part of a second", () => {
  const asked = askAfter(4, [0, 0, 0, 0, 0, 249, 1, 0, 10_000, 0, 0, 0, 0]);
  const admitted = asked.map(({ isAdmitted }) => isAdmitted);
  expect(admitted).toEqual([true, true, true, true, false, false, true, false, true, true, true, true, false]);
});

test("request rate: a clock that was put back refills nothing, and refills from there on", () => {
  const asked = askAfter(1, [0, -3_600_000, 999, 1, 0]);
  expect(asked.map(({ isAdmitted }) => isAdmitted)).toEqual([true, false, false, true, false]);
});

test("request rate: a new version goes on where the one before it was, and begins anew with another limit", () => {
  const first = rateAfter(undefined, 1, 0);
  expect(first?.take(0)).toBe(true);
  const second = rateAfter(first, 1, 0);
  expect(second?.take(0)).toBe(false);
  expect(rateAfter(second, 2, 0)?.take(0)).toBe(true);
  expect(rateAfter(second, undefined, 0)).toBeUndefined();
  expect(rateAfter(undefined, undefined, 0)).toBeUndefined();
});

test("request rate: who asks evenly, and no more often than allowed, is never refused", () => {
  fc.assert(
    fc.property(PER_SECOND, fc.integer({ min: 0, max: 2000 }), (perSecond, extraMicroseconds) => {
      // Whole microseconds, rounded up: less often than allowed, or just as often.
      const stepMs = (Math.ceil(1_000_000 / perSecond) + extraMicroseconds) / 1000;
      const rate = new RequestRate(perSecond, 0);
      // The burst is used up first: what follows has the rate alone.
      for (let count = 0; count < Math.min(perSecond, 100_000); count++) rate.take(0);
      for (let count = 1; count <= 200; count++) {
        // A clock reports fractions of a microsecond, which do not add up exactly.
        expect(rate.take(Math.round(count * stepMs * 1000) / 1000 + 0.0001)).toBe(true);
      }
    }),
  );
});
