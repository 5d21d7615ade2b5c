import type { Alert } from "./rule.ts";

/** What goes wrong on single nodes. `up` is told by the job that a PodMonitor of a pool gives its targets. */
export const NODE_ALERTS: readonly Alert[] = [
  {
    name: "WasmletRuntimeDown",
    severity: "critical",
    for: "5m",
    expr: 'up{job=~".+/wasmlet-runtime-.+"} == 0',
    summary: "The node runtime on {{ $labels.node }} does not answer",
    description: "Prometheus has not been able to read its metrics for 5 minutes: its apps may be down.",
  },
  {
    name: "WasmletNoRuntime",
    severity: "critical",
    for: "5m",
    expr: '(sum(max by (ready) (wasmlet_apps)) > 0) unless on () (up{job=~".+/wasmlet-runtime-.+"} == 1)',
    summary: "No node runs apps, and there are {{ $value }}",
    description: "For 5 minutes, Prometheus has not found a single node runtime that answers.",
  },
  {
    name: "WasmletReplicasFailing",
    severity: "warning",
    for: "10m",
    expr: 'sum by (node) (wasmlet_replicas{state=~"BackOff|Failed"}) > 0',
    summary: "{{ $value }} apps fail on {{ $labels.node }}",
    description:
      "For 10 minutes, their replicas have been in the state BackOff or Failed: the artifact cannot be had, is no good, or its guest does not start.",
  },
  {
    name: "WasmletCellsRestarting",
    severity: "warning",
    for: "0m",
    expr: "sum by (node) (increase(wasmlet_cell_restarts_total[30m])) > 2",
    summary: "Cells die on {{ $labels.node }}",
    description:
      "In half an hour, {{ $value | humanize }} processes that run guests died and were replaced. With each, requests under way were lost.",
  },
  {
    name: "WasmletCellCrashLoop",
    severity: "critical",
    for: "10m",
    expr: "sum by (node) (increase(wasmlet_cell_restarts_total[10m])) > 10",
    summary: "Cells die again and again on {{ $labels.node }}",
    description:
      "In the last 10 minutes, {{ $value | humanize }} processes that run guests died, and it goes on: the apps that share them hardly serve.",
  },
  {
    name: "WasmletRuntimeDisconnected",
    severity: "warning",
    for: "10m",
    expr: "max by (node, pod) (wasmlet_kube_connected) == 0",
    summary: "The node runtime on {{ $labels.node }} does not reach the API server",
    description: "For 10 minutes. Its apps serve on, as they were: changes do not arrive, and its status is old.",
  },
  {
    name: "WasmletRuntimeWatchBroken",
    severity: "warning",
    for: "15m",
    expr: "sum by (node) (increase(wasmlet_kube_watch_restarts_total[15m])) > 10",
    summary: "The watch of replicas breaks again and again on {{ $labels.node }}",
    description: "{{ $value | humanize }} times in 15 minutes. Changes of apps arrive late on this node.",
  },
  {
    name: "WasmletStatusWritesFailing",
    severity: "warning",
    for: "15m",
    expr: 'sum by (node) (rate(wasmlet_replica_status_writes_total{result="error"}[5m])) > 0',
    summary: "The node runtime on {{ $labels.node }} cannot report",
    description: "For 15 minutes, its writes of the status of replicas have failed: the operator acts on what was.",
  },
  {
    name: "WasmletReferencesUnreadable",
    severity: "warning",
    for: "15m",
    expr: 'sum by (node) (rate(wasmlet_reference_reads_total{result="error"}[5m])) > 0',
    summary: "The node runtime on {{ $labels.node }} cannot read ConfigMaps or Secrets",
    description: "For 15 minutes, reads of what apps refer to have failed: those apps do not start on this node.",
  },
  {
    name: "WasmletCacheThrashing",
    severity: "warning",
    for: "30m",
    expr: "sum by (node) (increase(wasmlet_artifact_cache_evictions_total[1h])) > 20",
    summary: "The cache on {{ $labels.node }} is too small for its apps",
    description:
      "In an hour, {{ $value | humanize }} programs were removed because the cache was full. They are fetched and compiled again when they are needed.",
  },
];
