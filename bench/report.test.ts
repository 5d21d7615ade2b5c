import { expect, test } from "vitest";
import { judgeGoals } from "./goals.ts";
import { SCENARIO_NAMES } from "./options.ts";
import { checkArm } from "./scenarios/checks.ts";
import { DEMO_ARMS } from "./scenarios/demo.ts";
import { FAIRNESS_ARMS } from "./scenarios/fairness.ts";
import { overloadArms } from "./scenarios/goodput.ts";
import { bareArm, ownArm } from "./scenarios/http.ts";
import { ENGINE_ARMS } from "./scenarios/in-process.ts";
import { PULL_ARMS } from "./scenarios/pull.ts";
import { RUNAWAY_ARMS } from "./scenarios/runaway.ts";
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

function roundOf(round: number, ...sample: Parameters<typeof sampleOf>): Sample {
  return { ...sampleOf(...sample), round };
}

function goalOf(samples: Sample[], start: string): unknown {
  return judgeGoals({ samples, notes: [] }, SCENARIO_NAMES).find(({ name }) => name.startsWith(start));
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
  const samples = [
    sampleOf("http-warm", ownArm("hello-rust", "Instance"), micros),
    sampleOf("http-warm", "workerd", 250),
  ];
  expect(goalOf(samples, "http-warm, reuse: Instance: requests per CPU second / workerd")).toMatchObject({
    value,
    met,
  });
});

test.each([
  [125, 0.8, true],
  [200, 0.5, false],
])("goals: a pull of %i ms to the peer's 100 has a throughput of %s times as much, met: %s", (millis, value, met) => {
  const samples = [sampleOf("pull", PULL_ARMS.own, millis * 1000), sampleOf("pull", PULL_ARMS.oras, 100_000)];
  expect(goalOf(samples, "pull of 100 MB: throughput / oras pull")).toMatchObject({ value, met });
});

test("goals: an unknown CPU time and a peer that is missing are no value, and not met", () => {
  const samples = [
    sampleOf("http-warm", ownArm("hello-rust", "Instance"), 100, null),
    sampleOf("http-warm", "workerd", 100),
  ];
  expect(goalOf(samples, "http-warm, reuse: Instance: requests per CPU second / workerd")).toMatchObject({
    value: null,
    met: false,
  });
  expect(goalOf(samples, "http-warm, reuse: Instance: CPU / wasmtime")).toMatchObject({ value: null, met: false });
});

test("goals: an arm of the same name in another scenario does not count", () => {
  const samples = [
    sampleOf("http-pristine", ownArm("hello-rust", "Request"), 100),
    sampleOf("http-pristine", bareArm("hello-rust"), 100),
    sampleOf("http-warm", bareArm("hello-rust"), 900),
  ];
  expect(goalOf(samples, "http-pristine, guest of 1.1 MB")).toMatchObject({ value: 1 });
});

test("goals: each size of guest is compared with the bare server that answers as it does", () => {
  const samples = (["hello-rust", "hello-c"] as const).flatMap((guest, index) => [
    sampleOf("http-pristine", ownArm(guest, "Request"), 100 + 50 * index),
    sampleOf("http-pristine", bareArm(guest), 50),
  ]);
  expect(goalOf(samples, "http-pristine, guest of 1.1 MB")).toMatchObject({ goal: 2.2, value: 2, met: true });
  expect(goalOf(samples, "http-pristine, guest of 128 KB")).toMatchObject({ goal: 1.8, value: 3, met: false });
});

test("goals: a ratio is the median of its rounds, with the quartiles as its spread", () => {
  const rounds = [1, 2, 3, 4, 9].flatMap((times, round) => [
    roundOf(round, "http-warm", ownArm("hello-rust", "Instance"), 100 * times),
    roundOf(round, "http-warm", bareArm("hello-rust"), 100),
  ]);
  expect(goalOf(rounds, "http-warm, reuse: Instance: CPU / bare")).toMatchObject({
    value: 3,
    spread: { low: 2, high: 4 },
  });
});

test("goals: the demo's is in seconds", () => {
  expect(goalOf([sampleOf("demo", DEMO_ARMS.demo, 1_400_000)], "npm run demo")).toMatchObject({
    goal: 5,
    value: 1.4,
    met: true,
    unit: "s",
  });
});

test.each([
  [14_000, 32 * 1024, [true, true]],
  [13_999, 32 * 1024 + 1, [false, false]],
])("goals: %i live apps of %i bytes each", (liveApps, residentBytesEach, met) => {
  const goals = judgeGoals({ samples: [], notes: [], figures: { liveApps, residentBytesEach } }, ["density"]);
  expect(goals.map((goal) => goal.met)).toEqual(met);
  expect(goals[0]).toMatchObject({ value: liveApps, spread: null, unit: "" });
});

test("goals: memory that the system does not tell is no value, and not met", () => {
  const [, memory] = judgeGoals({ samples: [], notes: [], figures: { liveApps: 14_500 } }, ["density"]);
  expect(memory).toMatchObject({ value: null, met: false });
});

test("goals: a runaway is judged by the median of its rounds, its neighbour by every request", () => {
  const late = [3000, 4000, 90_000].map((micros, round) => roundOf(round, "runaway", RUNAWAY_ARMS.runaway, micros));
  const goals = judgeGoals({ samples: late, notes: [], figures: { failedNeighbourRequests: 1 } }, ["runaway"]);
  expect(goals).toMatchObject([
    { goal: 0.005, value: 0.004, met: true, unit: "s" },
    { goal: 0, value: 1, met: false, unit: "" },
  ]);
});

test("goals: of all loops the one counts that checks lengthen most", () => {
  const samples = ["empty", "arithmetic", "byte copy", "three rounds within a loop", "recursion"].flatMap(
    (loop, index) => [
      sampleOf("epoch checks", checkArm(loop, "original"), 100),
      sampleOf("epoch checks", checkArm(loop, "checked"), index === 2 ? 130 : 101),
    ],
  );
  expect(goalOf(samples, "worst-case loop")).toMatchObject({ goal: 1.1, value: 1.3, met: false });
});

test("goals: those of the scenarios that were asked for are judged, with a value or without", () => {
  expect(judgeGoals({ samples: [], notes: [] }, [])).toEqual([]);
  const goals = judgeGoals({ samples: [], notes: [] }, SCENARIO_NAMES);
  expect(goals).toHaveLength(36);
  expect(goals.filter(({ value, met }) => value !== null || met)).toEqual([]);
});

test("goals: goodput is that of a second and of a CPU second, within a round", () => {
  const { peak, overload } = overloadArms("image of 10 ms");
  const samples = [
    { ...sampleOf("overload", peak, 1e6, 1), requests: 100 },
    { ...sampleOf("overload", overload, 1e6, 0.8), requests: 80 },
  ];
  expect(goalOf(samples, `${overload}: good answers a second`)).toMatchObject({ value: 0.8, met: false });
  expect(goalOf(samples, `${overload}: good answers a CPU second`)).toMatchObject({ value: 1, met: true });
});

test.each([
  [200, true],
  [201, false],
])("goals: a quiet app's %i us beside a flood are twice the 100 alone: %s", (micros, met) => {
  const [beside = ""] = FAIRNESS_ARMS.beside;
  const samples = [sampleOf("fairness", FAIRNESS_ARMS.alone, 100), sampleOf("fairness", beside, micros)];
  expect(goalOf(samples, beside)).toMatchObject({ value: micros / 100, met });
});
