import { expect, test } from "vitest";
import { judgeGoals } from "./report.ts";
import { DEMO_ARMS } from "./scenarios/demo.ts";
import { WARM_ARMS } from "./scenarios/warm.ts";
import type { Sample } from "./stats.ts";

function sampleOf(arm: string, micros: number, cpuSeconds: number | null = micros / 1e6): Sample {
  return {
    scenario: "any",
    arm,
    round: 0,
    requests: 1,
    wallSeconds: micros / 1e6,
    cpuSeconds,
    loadAverage: 0,
    latenciesMicros: [micros],
  };
}

function goalOf(samples: Sample[], start: string): unknown {
  return judgeGoals(samples).find(({ name }) => name.startsWith(start));
}

test.each([
  [149, true],
  [150, true],
  [151, false],
])("goals: a latency of %i to the peer's 100 is met: %s", (micros, met) => {
  const samples = [sampleOf(WARM_ARMS.request, micros), sampleOf(WARM_ARMS.bare, 100)];
  expect(goalOf(samples, "warm request, reuse: Request: latency p50")).toMatchObject({ value: micros / 100, met });
});

test("goals: an unknown CPU time is no value, and not met", () => {
  const samples = [sampleOf(WARM_ARMS.request, 100, null), sampleOf(WARM_ARMS.bare, 100)];
  expect(goalOf(samples, "warm request, reuse: Request: CPU")).toMatchObject({ value: null, met: false });
});

test("goals: the demo's is in seconds", () => {
  expect(goalOf([sampleOf(DEMO_ARMS.demo, 1_400_000)], "npm run demo")).toMatchObject({
    goal: 5,
    value: 1.4,
    met: true,
    unit: "s",
  });
});

test("goals: without a sample, none is met", () => {
  expect(judgeGoals([]).map(({ value, met }) => ({ value, met }))).toEqual(
    Array.from({ length: 9 }, () => ({ value: null, met: false })),
  );
});
