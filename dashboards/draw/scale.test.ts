import { expect, test } from "vitest";
import { linearScale, logScale } from "./scale.ts";

test("linear scale: begins at 0 and ends at or above the largest value, in round steps", () => {
  expect(linearScale([3, 17.5]).ticks).toEqual([0, 5, 10, 15, 20]);
  expect(linearScale([0.0261]).ticks.map((tick) => Number(tick.toPrecision(6)))).toEqual([0, 0.01, 0.02, 0.03]);
  const { place } = linearScale([10]);
  expect([place(0), place(10)]).toEqual([0, 1]);
});

test("linear scale: of bytes in powers of 2", () => {
  expect(linearScale([2.2 * 2 ** 20], "bytes").ticks).toEqual([0, 1, 2, 3].map((count) => count * 2 ** 20));
});

test("linear scale: of zeros alone has a height", () => {
  const { place, ticks } = linearScale([0, 0]);
  expect(place(0)).toBe(0);
  expect(ticks.length).toBeGreaterThan(1);
});

test("log scale: whole decades, with steps between where they are few", () => {
  expect(logScale([0.0008, 1.7]).ticks).toEqual([1e-4, 1e-3, 0.01, 0.1, 1, 10].map((tick) => expect.closeTo(tick, 9)));
  expect(logScale([0.002, 0.004]).ticks.map((tick) => Number(tick.toPrecision(3)))).toEqual([
    0.001, 0.002, 0.005, 0.01,
  ]);
  const { place } = logScale([0.001, 1000]);
  expect(place(1)).toBeCloseTo(0.5);
});
