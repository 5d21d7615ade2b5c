import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { smallComparison } from "../../startup/fixtures.ts";
import { toResults } from "../../startup/benchmark-results.ts";
import { BenchmarkMetrics } from "./benchmark-metrics.ts";

const RUN = { generation: 1, run: "startup-a-1-x", rounds: 3 };

function results(rounds: number, run = RUN.run): ReturnType<typeof toResults> {
  const comparison = smallComparison();
  const samples = comparison.samples.filter(({ round }) => round <= rounds);
  return toResults({ ...comparison, samples }, { ...RUN, run });
}

async function countsOf(registry: Registry, phase = "total"): Promise<string[]> {
  const lines = (await registry.metrics()).split("\n").filter((line) => line.includes("duration_seconds_count"));
  return lines
    .filter((line) => line.includes(`phase="${phase}"`))
    .map(
      (line) =>
        `${/benchmark="([^"]*)",contender="([^"]*)"/.exec(line)!.slice(1).join(" ")}${line.slice(line.lastIndexOf(" "))}`,
    );
}

test("benchmark metrics: series are there before the first start, and each start counts once", async () => {
  const registry = new Registry();
  const metrics = new BenchmarkMetrics(registry);
  metrics.note("default/a", undefined);
  metrics.note("default/a", results(0));
  expect(await countsOf(registry)).toEqual(["default/a wasm-wake 0", "default/a crun 0"]);
  metrics.note("default/a", results(2));
  metrics.note("default/a", results(2));
  metrics.note("default/a", results(3));
  expect(await countsOf(registry)).toEqual(["default/a wasm-wake 3", "default/a crun 3"]);
  expect(await countsOf(registry, "response")).toEqual(["default/a wasm-wake 3", "default/a crun 3"]);
  metrics.note("default/a", results(3, "startup-a-1-y"));
  expect(await countsOf(registry)).toEqual(["default/a wasm-wake 6", "default/a crun 6"]);
});

test("benchmark metrics: a benchmark that is gone leaves no series", async () => {
  const registry = new Registry();
  const metrics = new BenchmarkMetrics(registry);
  metrics.note("default/a", results(3));
  metrics.note("default/b", results(1));
  metrics.forget("default/a");
  expect(await registry.metrics()).not.toContain("default/a");
  expect(await countsOf(registry)).toEqual(["default/b wasm-wake 1", "default/b crun 1"]);
});

test("benchmark metrics: of too many the first ones are told of, and how many are not", async () => {
  const registry = new Registry();
  const metrics = new BenchmarkMetrics(registry);
  for (let index = 0; index < 23; index++) metrics.note(`default/b${index}`, results(1));
  expect(await countsOf(registry)).toHaveLength(40);
  expect(await registry.metrics()).toContain("wasmlet_startup_benchmarks_omitted 3");
  metrics.forget("default/b22");
  expect(await registry.metrics()).toContain("wasmlet_startup_benchmarks_omitted 2");
});

test("benchmark metrics: names in a status that are ever new make no more series than a benchmark may have", async () => {
  const registry = new Registry();
  const metrics = new BenchmarkMetrics(registry);
  for (let index = 0; index < 100; index++) {
    const told = results(1);
    const contenders = told.contenders.map((contender) => ({
      ...contender,
      name: `${contender.name}-${index}`,
      phaseSeconds: Object.fromEntries(Array.from({ length: 100 }, (_, phase) => [`phase-${phase}`, [0.001]])),
    }));
    metrics.note("default/a", { ...told, run: `run-${index}`, contenders });
  }
  expect(await countsOf(registry)).toHaveLength(24);
  const all = (await registry.metrics()).split("\n").filter((line) => line.includes("duration_seconds_count"));
  expect(all).toHaveLength(24 * 17);
  metrics.forget("default/a");
  expect(await registry.metrics()).not.toContain("default/a");
});
