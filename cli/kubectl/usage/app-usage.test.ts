import fc from "fast-check";
import { Gauge, Registry } from "prom-client";
import { expect, test } from "vitest";
import { formatNodes, formatTotals, summarize } from "../commands/top.ts";
import { readAppCounts, totalUsage, usageBetween } from "./app-usage.ts";
import { readMetrics } from "./metrics.ts";

function metrics(requests: number, cpu: number): string {
  return `# HELP wasmlet_requests_total requests answered
# TYPE wasmlet_requests_total counter
wasmlet_requests_total{namespace="default",app="hello",code="2xx",start="warm"} ${requests}
wasmlet_requests_total{namespace="default",app="hello",code="5xx",start="cold"} 1
wasmlet_requests_total_more{namespace="default",app="hello"} 99
wasmlet_app_cpu_seconds_total{namespace="default",app="hello"} ${cpu}
wasmlet_app_memory_bytes{namespace="default",app="hello"} 3e6
wasmlet_instances{namespace="default",app="hello"} 2
wasmlet_instances{namespace="web",app="shop"} 0
wasmlet_cells 1
`;
}

test("top: what was counted between two looks is a rate", () => {
  const before = { atMs: 1000, apps: readAppCounts(metrics(10, 1)) };
  const after = { atMs: 3000, apps: readAppCounts(metrics(30, 1.5)) };
  const usages = usageBetween("node1", before, after);
  expect(usages[0]).toEqual({
    namespace: "default",
    app: "hello",
    node: "node1",
    requestsPerSecond: 10,
    cpu: 0.25,
    memoryBytes: 3e6,
    instances: 2,
  });
  const again = usageBetween("node2", { ...before, apps: new Map() }, after);
  const totals = totalUsage([...usages, ...again]);
  expect(formatTotals(totals, true)).toBe(
    [
      "NAMESPACE   APP     REQ/S   CPU     MEMORY   INSTANCES   NODES",
      "default     hello   26      1000m   6Mi      4           2",
      "web         shop    0       0m      0Mi      0           2",
      "",
    ].join("\n"),
  );
  expect(formatNodes(usages)).toContain("node1   10      250m   3Mi      2\n");
  expect(summarize({ usages: [...usages, ...again], nodes: 2 })).toBe(
    "2 nodes, all namespaces: 26 req/s, 1000m CPU, 6Mi in 4 instances of 2 apps",
  );
});

test("top: counters that began anew count from nothing", () => {
  const before = { atMs: 0, apps: readAppCounts(metrics(1000, 90)) };
  const [usage] = usageBetween("node1", before, { atMs: 1000, apps: readAppCounts(metrics(4, 0.1)) });
  expect(usage).toMatchObject({ requestsPerSecond: 5, cpu: 0.1 });
});

test("metrics: what prom-client writes is read back, whatever labels hold", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.integer(), async (label, value) => {
      const registry = new Registry();
      const gauge = new Gauge({ name: "g", help: "a\nb", labelNames: ["x", "y"], registers: [registry] });
      gauge.set({ x: label, y: "1" }, value);
      const samples = [...readMetrics(await registry.metrics(), new Set(["g"]))];
      expect(samples).toEqual([{ name: "g", labels: { x: label, y: "1" }, value }]);
    }),
    { numRuns: 200, examples: [["\u2028", 0]] },
  );
});

test.each(["g{x=1} 2", 'g{x="1} 2', "g{} two", "g ", 'g{x="1"y="2"} 1'])("metrics: %j is refused", (line) => {
  expect(() => [...readMetrics(line, new Set(["g"]))]).toThrow(SyntaxError);
});
