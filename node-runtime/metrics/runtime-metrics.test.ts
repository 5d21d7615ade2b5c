import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ClusterMetrics } from "../cluster/cluster-metrics.ts";
import { RuntimeMetrics } from "./runtime-metrics.ts";

test("docs/metrics.md: names the metrics that there are, and no others", () => {
  const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  const [ofRuntime = ""] = page.split("## The operator's");
  const documented = [...ofRuntime.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => `wasmlet_${name}`);
  const { registry } = new RuntimeMetrics();
  void new ClusterMetrics(registry, () => []);
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  expect(documented.sort()).toEqual(names.sort());
});

test("app_engine_info: one series for each app, of the engine that it has now, gone with the app", async () => {
  const metrics = new RuntimeMetrics();
  const app = { namespace: "default", name: "hello" };
  const seriesOf = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split("\n").filter((line) => line.startsWith("wasmlet_app_engine_info{"));
  metrics.observeEngine(app, "jco", "x".repeat(500));
  metrics.observeEngine(app, "lean");
  expect(await seriesOf()).toEqual([
    'wasmlet_app_engine_info{namespace="default",app="hello",engine="lean",reason=""} 1',
  ]);
  await metrics.forget(app);
  expect(await seriesOf()).toEqual([]);
});
