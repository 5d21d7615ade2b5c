import { expect, test } from "vitest";
import { minimalRuntime } from "../apps/test-fixtures.ts";
import { buildPodMonitor } from "./resources.ts";

test("PodMonitor of a pool: the label `namespace` of a metric stays the app's, and targets name their node", () => {
  const settings = { labels: { release: "prometheus" }, interval: "15s" };
  const { metadata, spec } = buildPodMonitor(minimalRuntime(), "wasmlet-system", settings);
  expect(metadata.labels).toMatchObject({ release: "prometheus" });
  expect(spec).toEqual({
    selector: { matchLabels: { "wasmlet.dev/runtime": "default" } },
    podMetricsEndpoints: [
      {
        port: "management",
        honorLabels: true,
        interval: "15s",
        relabelings: [{ action: "replace", sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" }],
      },
    ],
  });
});
