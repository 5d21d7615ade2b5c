import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RuntimeMetrics } from "./runtime-metrics.ts";

test("docs/metrics.md: names the metrics that there are, and no others", () => {
  const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => `wasmlet_${name}`);
  const names = new RuntimeMetrics().registry.getMetricsAsArray().map(({ name }) => name);
  expect(documented.sort()).toEqual(names.sort());
});
