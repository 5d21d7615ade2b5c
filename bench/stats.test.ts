import { expect, test } from "vitest";
import {
  cpuMicrosPerRequest,
  cpuPerRequest,
  estimate,
  latencyAt,
  pairedRatio,
  type Sample,
  summarizeArms,
} from "./stats.ts";
import { median, percentile } from "../common/statistics.ts";

function sampleOf(changes: Partial<Sample>): Sample {
  return {
    scenario: "warm",
    arm: "a",
    round: 0,
    requests: 2,
    wallSeconds: 1,
    cpuSeconds: 0.5,
    loadAverage: 1,
    latenciesMicros: [10, 20],
    ...changes,
  };
}

test.each([
  [0, 1],
  [0.5, 5],
  [0.99, 10],
  [1, 10],
])("percentile: %f of one to ten is %i, whatever their order", (p, expected) => {
  expect(percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], p)).toBe(expected);
});

test("percentile: does not sort the caller's values", () => {
  const values = [3, 1, 2];
  percentile(values, 0.5);
  expect(values).toEqual([3, 1, 2]);
});

test("percentile: of nothing is not a number", () => {
  expect(percentile([], 0.5)).toBeNaN();
});

test.each([
  ["the middle of an odd number", [5, 1, 3], 3],
  ["between the two middle ones of an even number", [4, 1, 3, 2], 2.5],
  ["numbers, not texts", [10, 9, 100], 10],
])("median: takes %s", (_, values, expected) => {
  expect(median(values)).toBe(expected);
});

test("median: of nothing is not a number", () => {
  expect(median([])).toBeNaN();
});

test("pairedRatio: compares within a round, so that a slow round changes nothing", () => {
  const samples = [1, 100, 1].flatMap((load, round) => [
    sampleOf({ arm: "a", round, latenciesMicros: [20 * load] }),
    sampleOf({ arm: "b", round, latenciesMicros: [10 * load] }),
  ]);
  expect(pairedRatio(samples, "a", "b", latencyAt(0.5))).toEqual({ value: 2, spread: { low: 2, high: 2 }, rounds: 3 });
});

test("pairedRatio: leaves out rounds without a peer", () => {
  const samples = [
    sampleOf({ arm: "a", round: 0, latenciesMicros: [30] }),
    sampleOf({ arm: "b", round: 0, latenciesMicros: [10] }),
    sampleOf({ arm: "a", round: 1, latenciesMicros: [900] }),
  ];
  expect(pairedRatio(samples, "a", "b", latencyAt(0.5))).toMatchObject({ value: 3, rounds: 1 });
});

test("pairedRatio: of CPU time weighs each round alike, and is not a number when one is unknown", () => {
  const samples = [1, 1, 9].flatMap((own, round) => [
    sampleOf({ arm: "a", round, cpuSeconds: own }),
    sampleOf({ arm: "b", round, cpuSeconds: 0.5 }),
  ]);
  expect(pairedRatio(samples, "a", "b", cpuPerRequest)).toMatchObject({ value: 2, spread: { low: 2, high: 18 } });
  const unknown = [sampleOf({ arm: "a", cpuSeconds: null }), sampleOf({ arm: "b" })];
  expect(pairedRatio(unknown, "a", "b", cpuPerRequest).value).toBeNaN();
});

test("estimate: is the median with the quartiles around it; of nothing it is not a number", () => {
  expect(estimate([8, 1, 5, 3])).toEqual({ value: 4, spread: { low: 1, high: 5 }, rounds: 4 });
  expect(estimate([])).toMatchObject({ value: Number.NaN, rounds: 0 });
});

test("cpuMicrosPerRequest: weighs rounds by their requests", () => {
  const samples = [sampleOf({ requests: 10, cpuSeconds: 1e-3 }), sampleOf({ requests: 30, cpuSeconds: 1e-3 })];
  expect(cpuMicrosPerRequest(samples)).toBeCloseTo(50, 6);
});

test("cpuMicrosPerRequest: is unknown when one round's is, and for no request", () => {
  expect(cpuMicrosPerRequest([sampleOf({}), sampleOf({ cpuSeconds: null })])).toBeNull();
  expect(cpuMicrosPerRequest([])).toBeNull();
});

test("summarizeArms: pools an arm's rounds and keeps arms and scenarios apart", () => {
  const summaries = summarizeArms([
    sampleOf({ arm: "a", latenciesMicros: [1, 2] }),
    sampleOf({ arm: "b", latenciesMicros: [100] }),
    sampleOf({ arm: "a", round: 1, latenciesMicros: [3, 4], loadAverage: 3 }),
    sampleOf({ scenario: "cold", arm: "a", latenciesMicros: [1000] }),
  ]);
  expect(summaries.map(({ scenario, arm, p50Micros }) => [scenario, arm, p50Micros])).toEqual([
    ["warm", "a", 2],
    ["warm", "b", 100],
    ["cold", "a", 1000],
  ]);
  expect(summaries[0]).toMatchObject({ rounds: 2, requests: 4, p99Micros: 4, wallSeconds: 2, loadAverage: 2 });
});
