import type { Recording } from "./rule.ts";

const WAY = "benchmark, contender, technology, runtime, cache, accelerator";
const BUCKETS = 'wasmlet_startup_duration_seconds_bucket{benchmark!="",phase="total"}';
const RATIO_QUANTILES = [
  { name: "p50", quantile: 0.5 },
  { name: "p99", quantile: 0.99 },
] as const;

/** What alerts and dashboards ask of apps again and again. */
export const APP_RECORDINGS: readonly Recording[] = [
  {
    record: "namespace_app:wasmlet_requests:rate5m",
    expr: "sum by (namespace, app) (rate(wasmlet_requests_total[5m]))",
  },
  {
    // 0 for an app that is asked and has no errors; nothing for one that is not asked.
    record: "namespace_app:wasmlet_request_errors:ratio_rate5m",
    expr: `(
  sum by (namespace, app) (rate(wasmlet_requests_total{code="5xx"}[5m]))
    or 0 * namespace_app:wasmlet_requests:rate5m
) / (namespace_app:wasmlet_requests:rate5m > 0)`,
  },
  {
    record: "namespace_app:wasmlet_request_duration_seconds:p99_rate5m",
    expr: `histogram_quantile(0.99, sum by (le, namespace, app) (rate(wasmlet_request_duration_seconds_bucket[5m])))`,
  },
  {
    // Not the phases of starts: commands have those too, and end when their work does.
    record: "namespace_app:wasmlet_cold_request_duration_seconds:p99_rate15m",
    expr: `histogram_quantile(0.99, sum by (le, namespace, app) (
  rate(wasmlet_request_duration_seconds_bucket{start="cold"}[15m])
))`,
  },
];

/**
 * Quantiles of every way of starting that a benchmark measured, over all its samples, and how many times as long each takes as
 * the benchmark's fastest start of Wasm: waking an app that is scaled to zero.
 */
export const STARTUP_RECORDINGS: readonly Recording[] = RATIO_QUANTILES.flatMap(({ name, quantile }) => {
  const record = `benchmark_way:wasmlet_startup_duration_seconds:${name}`;
  return [
    { record, expr: `histogram_quantile(${quantile}, sum by (le, ${WAY}) (${BUCKETS}))` },
    {
      record: `${record}_ratio_to_wasm`,
      expr: `${record} / on (benchmark) group_left () min by (benchmark) (${record}{technology="wasm"})`,
    },
  ];
});
