import { expect, test } from "vitest";
import { minimalRuntime } from "../apps/test-fixtures.ts";
import { buildPodMonitor } from "./resources.ts";

test("PodMonitor of a pool: the label `namespace` of a metric stays the app's", () => {
  const settings = { labels: { release: "prometheus" }, interval: "15s" };
  const { metadata, spec } = buildPodMonitor(minimalRuntime(), "wasmlet-system", settings);
  expect(metadata.labels).toMatchObject({ release: "prometheus" });
  expect(spec).toEqual({
    selector: { matchLabels: { "wasmlet.dev/runtime": "default" } },
    podMetricsEndpoints: [{ port: "management", honorLabels: true, interval: "15s" }],
  });
});
