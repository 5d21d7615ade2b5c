import type { Alert } from "./rule.ts";

const APP = "{{ $labels.namespace }}/{{ $labels.app }}";

/** What goes wrong in single apps; mostly for those who wrote them. */
export const APP_ALERTS: readonly Alert[] = [
  {
    name: "WasmletAppsNotReady",
    severity: "warning",
    for: "15m",
    expr: 'max(wasmlet_apps{ready="false"}) > 0',
    summary: "{{ $value }} WasmApps are not ready",
    description:
      "At every moment of 15 minutes there were apps that do not serve, or not in their present form: not always the same ones.",
  },
  {
    name: "WasmletAppErrors",
    severity: "warning",
    for: "5m",
    // A single error of an app that is asked twice a minute is no alert.
    expr: "namespace_app:wasmlet_request_errors:ratio_rate5m > 0.05 and namespace_app:wasmlet_requests:rate5m > 0.1",
    summary: `${APP} answers {{ $value | humanizePercentage }} of its requests with errors`,
    description: "More than 5 % of its requests have got a status of 500 or above for 5 minutes.",
  },
  {
    name: "WasmletAppSlow",
    severity: "warning",
    for: "15m",
    expr: "namespace_app:wasmlet_request_duration_seconds:p99_rate5m > 5 and namespace_app:wasmlet_requests:rate5m > 0.1",
    summary: `${APP} is slow: p99 is {{ $value | humanizeDuration }}`,
    description: "One of 100 requests has taken more than 5 seconds for 15 minutes.",
  },
  {
    name: "WasmletColdStartsSlow",
    severity: "warning",
    for: "15m",
    expr: "namespace_app:wasmlet_cold_request_duration_seconds:p99_rate15m > 0.5",
    summary: `Waking ${APP} takes {{ $value | humanizeDuration }}`,
    description:
      "One of 100 requests that woke the app has taken more than 500 ms, for 15 minutes. Milliseconds are usual.",
  },
  {
    name: "WasmletAppLimitHits",
    severity: "warning",
    for: "10m",
    // Not request_body and informational: those are the clients' and the guest's own mistakes, one by one.
    expr: `sum by (namespace, app, limit) (
  rate(wasmlet_limit_hits_total{limit=~"concurrency|queue_time|request_timeout"}[5m])
) > 0.05`,
    summary: `${APP} runs into its limit {{ $labels.limit }}`,
    description: "For 10 minutes, the limit has refused or ended {{ $value | humanize }} requests in a second.",
  },
  {
    name: "WasmletEgressDenied",
    severity: "info",
    for: "5m",
    expr: "sum by (namespace, app) (rate(wasmlet_egress_denied_total[5m])) > 0",
    summary: `${APP} connects to where it may not`,
    description:
      "For 5 minutes, {{ $value | humanize }} of its connections in a second have been refused by network.allowedOutboundHosts.",
  },
  {
    name: "WasmletLogLinesDropped",
    severity: "info",
    for: "15m",
    expr: "sum by (namespace, app) (rate(wasmlet_log_lines_dropped_total[5m])) > 0",
    summary: `${APP} prints more than is logged`,
    description: "For 15 minutes, {{ $value | humanize }} of its lines in a second have been lost.",
  },
];
