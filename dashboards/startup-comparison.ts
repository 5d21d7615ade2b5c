import { dashboard, row } from "./dashboard.ts";
import { bars, lines, number, table } from "./panels.ts";
import { sumBy } from "./promql.ts";
import { choice, DATA_SOURCE, someOf } from "./variables.ts";

/*
 * Starts of the same program as Wasm, as a container and as a VM. Benchmarks name themselves in the label `benchmark`, which
 * series of real traffic do not have.
 */

const STARTS = "wasmlet_startup_duration_seconds";
const CHOSEN = 'benchmark=~"$benchmark",benchmark!=""';
const TOTAL = `phase="total",${CHOSEN}`;

/** What one way of starting is told by; its name is `contender`. */
const WAY = ["contender", "technology", "runtime", "cache", "accelerator"];
const WAY_COLUMNS = {
  contender: "Start",
  technology: "Technology",
  runtime: "Runtime",
  cache: "Cache",
  accelerator: "Accelerator",
};
const WAY_LEGEND = "{{contender}}";

/** Every sample since the benchmark began, of each way. */
function quantileOfAll(quantile: number): string {
  return `histogram_quantile(${quantile}, ${sumBy(["le", ...WAY], `${STARTS}_bucket{${TOTAL}}`)})`;
}

/** The fastest way of Wasm: waking an app that is scaled to zero. */
function fastestWasm(quantile: number): string {
  const wasm = `${STARTS}_bucket{technology="wasm",${TOTAL}}`;
  return `scalar(min(histogram_quantile(${quantile}, ${sumBy(["le", ...WAY], wasm)})))`;
}

function recentQuantile(quantile: number): string {
  return `histogram_quantile(${quantile}, ${sumBy(["le", ...WAY], `rate(${STARTS}_bucket{${TOTAL}}[$window])`)})`;
}

function bestOf(technology: string): string {
  const buckets = `${STARTS}_bucket{technology="${technology}",${TOTAL}}`;
  return `min(histogram_quantile(0.5, ${sumBy(["le", ...WAY], buckets)}))`;
}

/** The proof: Wasm, containers and VMs side by side. */
export const STARTUP_COMPARISON = dashboard({
  uid: "wasmlet-startup",
  title: "Startup comparison",
  description:
    "The same program started as Wasm, as a container and as a virtual machine, on the same node with the same probe: from the request for the start to the first answer.",
  from: "now-6h",
  variables: [
    DATA_SOURCE,
    someOf(
      "benchmark",
      "Benchmark",
      "The StartupBenchmarks that are shown",
      `label_values(${STARTS}_count{benchmark!=""}, benchmark)`,
    ),
    choice("window", "Window", "Samples that make one point of the lines", ["1h", "15m", "6h", "1d"]),
  ],
  rows: [
    row("Fastest start of each technology", [
      ...(["wasm", "container", "vm"] as const).map((technology) =>
        number({
          title: { wasm: "Wasm", container: "Container", vm: "Virtual machine" }[technology],
          description: "Median time to the first answer of the fastest way that was measured.",
          unit: "s",
          sparkline: false,
          queries: [{ expr: bestOf(technology), legend: "median" }],
        }),
      ),
      number({
        title: "Container to Wasm",
        description: "How many times as long as the fastest Wasm start the fastest container takes, by their medians.",
        unit: "suffix:x",
        decimals: 0,
        sparkline: false,
        queries: [{ expr: `${bestOf("container")} / ${bestOf("wasm")}`, legend: "ratio" }],
      }),
      number({
        title: "Virtual machine to Wasm",
        description: "How many times as long as the fastest Wasm start the fastest VM takes, by their medians.",
        unit: "suffix:x",
        decimals: 0,
        sparkline: false,
        queries: [{ expr: `${bestOf("vm")} / ${bestOf("wasm")}`, legend: "ratio" }],
      }),
      number({
        title: "Starts measured",
        description: "Samples behind all numbers here.",
        unit: "short",
        sparkline: false,
        queries: [{ expr: sumBy([], `${STARTS}_count{${TOTAL}}`), legend: "starts" }],
      }),
    ]),
    row("Side by side", [
      bars({
        title: "Median start",
        description: "Median time from the request for a start to the first answer; the axis is logarithmic.",
        unit: "s",
        scale: "log",
        by: "contender",
        queries: [{ expr: quantileOfAll(0.5), legend: WAY_LEGEND }],
      }),
      bars({
        title: "Where the time goes",
        description: "Share of each phase in all the time that starts of a kind took.",
        unit: "percentunit",
        by: "contender",
        stackBy: "phase",
        queries: [
          {
            expr: `${phaseSeconds(["contender", "phase"])} / on (contender) group_left () ${phaseSeconds(["contender"])}`,
            legend: "{{phase}}",
          },
        ],
      }),
      table({
        title: "Every way of starting",
        description:
          "All samples since the benchmark began. Means are exact; quantiles are read between the bounds of a histogram's buckets. Ratios are to the fastest Wasm start.",
        labels: WAY_COLUMNS,
        height: 10,
        columns: [
          { title: "Starts", unit: "short", expr: sumBy(WAY, `${STARTS}_count{${TOTAL}}`) },
          {
            title: "Mean",
            unit: "s",
            expr: `${sumBy(WAY, `${STARTS}_sum{${TOTAL}}`)} / ${sumBy(WAY, `${STARTS}_count{${TOTAL}}`)}`,
          },
          { title: "p50", unit: "s", expr: quantileOfAll(0.5) },
          { title: "p90", unit: "s", expr: quantileOfAll(0.9) },
          { title: "p99", unit: "s", expr: quantileOfAll(0.99) },
          { title: "Ratio, p50", unit: "suffix:x", decimals: 1, expr: `${quantileOfAll(0.5)} / ${fastestWasm(0.5)}` },
          { title: "Ratio, p99", unit: "suffix:x", decimals: 1, expr: `${quantileOfAll(0.99)} / ${fastestWasm(0.99)}` },
        ],
        sortBy: { title: "p50", descending: false },
      }),
      table({
        title: "Memory and size",
        description: "Memory that is there because the program was started, bytes to fetch, and bytes on disk.",
        labels: { contender: "Start", technology: "Technology", runtime: "Runtime" },
        columns: [
          { title: "Memory after start", unit: "bytes", expr: sizeBy(`wasmlet_startup_memory_bytes{${CHOSEN}}`) },
          { title: "To pull", unit: "bytes", expr: sizeBy(`wasmlet_startup_artifact_bytes{kind="pull",${CHOSEN}}`) },
          { title: "On disk", unit: "bytes", expr: sizeBy(`wasmlet_startup_artifact_bytes{kind="disk",${CHOSEN}}`) },
        ],
        sortBy: { title: "Memory after start", descending: false },
      }),
    ]),
    row("Over time", [
      lines({
        title: "Median start",
        description: "Median of the samples in the window before each point.",
        unit: "s",
        scale: "log",
        width: 12,
        height: 10,
        queries: [{ expr: recentQuantile(0.5), legend: WAY_LEGEND }],
      }),
      lines({
        title: "Slow starts, p99",
        description: "99 of 100 starts in the window before each point were faster.",
        unit: "s",
        scale: "log",
        width: 12,
        height: 10,
        queries: [{ expr: recentQuantile(0.99), legend: WAY_LEGEND }],
      }),
      lines({
        title: "Ratio to Wasm",
        description:
          "Medians divided by that of the fastest Wasm start of the same benchmark, as the recording rules keep them.",
        unit: "suffix:x",
        scale: "log",
        width: 24,
        queries: [
          {
            expr: `benchmark_way:wasmlet_startup_duration_seconds:p50_ratio_to_wasm{${CHOSEN}}`,
            legend: WAY_LEGEND,
          },
        ],
      }),
    ]),
    row("Apps of this cluster", [
      lines({
        title: "Requests that woke an app in real traffic",
        description:
          "No benchmark: from the arrival of requests that woke apps which were scaled to zero to the end of their responses.",
        unit: "s",
        scale: "log",
        width: 24,
        queries: [0.5, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, ${sumBy(["le"], `rate(wasmlet_request_duration_seconds_bucket{start="cold"}[$window])`)})`,
          legend: `Wasm, p${quantile * 100}`,
        })),
      }),
    ]),
  ],
});

function sizeBy(gauge: string): string {
  return `max by (contender, technology, runtime) (${gauge})`;
}

function phaseSeconds(labels: readonly string[]): string {
  return sumBy(labels, `${STARTS}_sum{phase!="total",${CHOSEN}}`);
}
