import { expect, test } from "vitest";
import { judgeGoals } from "./goals.ts";
import { DEMO_ARMS } from "./scenarios/demo.ts";
import { HTTP_ARMS } from "./scenarios/http.ts";
import { ENGINE_ARMS } from "./scenarios/in-process.ts";
import type { Sample } from "./stats.ts";

function sampleOf(scenario: string, arm: string, micros: number, cpuSeconds: number | null = micros / 1e6): Sample {
  return {
    scenario,
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
  return judgeGoals({ samples, notes: [] }).find(({ name }) => name.startsWith(start));
}

test.each([
  [59, true],
  [60, true],
  [61, false],
])("goals: a latency of %i to the peer's 100 is met: %s", (micros, met) => {
  const scenario = "in-process pristine";
  const samples = [sampleOf(scenario, ENGINE_ARMS.own, micros), sampleOf(scenario, ENGINE_ARMS.peer, 100)];
  expect(goalOf(samples, "in-process pristine request: p50")).toMatchObject({ value: micros / 100, met });
});

test.each([
  [100, 2.5, true],
  [125, 2, false],
])("goals: throughput per core at %i us to the peer's 250 is %s times as much, met: %s", (micros, value, met) => {
  const samples = [sampleOf("http-warm", HTTP_ARMS.instance, micros), sampleOf("http-warm", "workerd", 250)];
  expect(goalOf(samples, "http-warm, reuse: Instance: requests per CPU second / workerd")).toMatchObject({
    value,
    met,
  });
});

test("goals: an unknown CPU time and a peer that is missing are no value, and not met", () => {
  const samples = [sampleOf("http-warm", HTTP_ARMS.instance, 100, null), sampleOf("http-warm", "workerd", 100)];
  expect(goalOf(samples, "http-warm, reuse: Instance: requests per CPU second / workerd")).toMatchObject({
    value: null,
    met: false,
  });
  expect(goalOf(samples, "http-warm, reuse: Instance: CPU / wasmtime")).toMatchObject({ value: null, met: false });
});

test("goals: an arm of the same name in another scenario does not count", () => {
  const samples = [
    sampleOf("http-pristine", HTTP_ARMS.request, 100),
    sampleOf("http-pristine", "bare node:http", 100),
    sampleOf("http-warm", "bare node:http", 900),
  ];
  expect(goalOf(samples, "http-pristine, reuse: Request: CPU / bare")).toMatchObject({ value: 1 });
});

test("goals: the demo's is in seconds", () => {
  expect(goalOf([sampleOf("demo", DEMO_ARMS.demo, 1_400_000)], "npm run demo")).toMatchObject({
    goal: 5,
    value: 1.4,
    met: true,
    unit: "s",
  });
});

test("goals: only scenarios that were measured are judged", () => {
  expect(judgeGoals({ samples: [], notes: [] })).toEqual([]);
});
