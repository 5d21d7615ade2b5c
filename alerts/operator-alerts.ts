import type { Alert } from "./rule.ts";

/** What goes wrong in the operator: apps run on, but the cluster does not become what was asked for. */
export const OPERATOR_ALERTS: readonly Alert[] = [
  {
    name: "WasmletOperatorDown",
    severity: "critical",
    for: "5m",
    expr: 'absent(up{job=~".+/wasmlet-operator"} == 1)',
    summary: "No operator answers",
    description:
      "Prometheus has not found an operator for 5 minutes. Apps run on; new ones do not start, and those of lost nodes are not moved.",
  },
  {
    name: "WasmletOperatorNoLeader",
    severity: "critical",
    for: "2m",
    expr: "max(wasmlet_leader) == 0",
    summary: "No operator leads",
    description: "There are operators, but for 2 minutes none of them has led: nothing is reconciled.",
  },
  {
    name: "WasmletOperatorManyLeaders",
    severity: "critical",
    for: "5m",
    expr: "sum(wasmlet_leader) > 1",
    summary: "{{ $value }} operators lead at once",
    description: "For 5 minutes. They write the same objects.",
  },
  {
    name: "WasmletOperatorNotSynced",
    severity: "warning",
    for: "10m",
    expr: "max by (pod) (wasmlet_synced) == 0",
    summary: "The operator {{ $labels.pod }} cannot read the cluster",
    description:
      "For 10 minutes it has not been able to read everything that it watches, so it can neither lead nor stand by.",
  },
  {
    name: "WasmletWorkQueueStuck",
    severity: "critical",
    for: "10m",
    expr: `max by (controller) (wasmlet_workqueue_depth) > 0
  unless on (controller) sum by (controller) (rate(wasmlet_reconcile_duration_seconds_count[5m])) > 0`,
    summary: "The queue of {{ $labels.controller }} does not move",
    description: "{{ $value }} objects have waited for 10 minutes, and none was reconciled.",
  },
  {
    name: "WasmletWorkQueueSlow",
    severity: "warning",
    for: "15m",
    expr: "histogram_quantile(0.99, sum by (le, controller) (rate(wasmlet_workqueue_wait_seconds_bucket[5m]))) > 5",
    summary: "The operator does not keep up with {{ $labels.controller }}",
    description: "For 15 minutes, one of 100 changes has waited more than 5 seconds to be looked at.",
  },
  {
    name: "WasmletReconcileErrors",
    severity: "warning",
    for: "15m",
    expr: "sum by (controller, code) (increase(wasmlet_reconcile_errors_total[15m])) > 5",
    summary: "Reconciles of {{ $labels.controller }} fail with {{ $labels.code }}",
    description: "{{ $value | humanize }} times in 15 minutes, and it goes on.",
  },
  {
    name: "WasmletOperatorWatchBroken",
    severity: "warning",
    for: "15m",
    expr: "sum by (resource) (increase(wasmlet_watch_errors_total[15m])) > 10",
    summary: "The operator's watch of {{ $labels.resource }} breaks again and again",
    description: "{{ $value | humanize }} times in 15 minutes. What changes is seen late.",
  },
  {
    name: "WasmletOperatorWritesForever",
    severity: "warning",
    for: "1h",
    expr: "sum by (resource) (rate(wasmlet_writes_total[15m])) > 5",
    summary: "The operator writes {{ $labels.resource }} without end",
    description:
      "{{ $value | humanize }} times in a second, for an hour. Something else changes the same fields, or apps are changed all the time.",
  },
];
