import { dashboard, row } from "./dashboard.ts";
import { heatmap, lines, number, table } from "./panels.ts";
import { OF_APP, quantileBy, rateBy, shareBy, sumBy } from "./promql.ts";
import { DATA_SOURCE, NODES, oneOf } from "./variables.ts";

const REQUESTS = "wasmlet_requests_total";
const DURATIONS = "wasmlet_request_duration_seconds";
const STARTS = "wasmlet_startup_duration_seconds";

/** One app: rate, errors, duration, starts, limits. */
export const APP = dashboard({
  uid: "wasmlet-app",
  title: "App",
  description: "One WasmApp: its requests, how it starts, what it takes and what stops it.",
  variables: [
    DATA_SOURCE,
    oneOf("namespace", "Namespace", "Namespace of the app", "label_values(wasmlet_instances, namespace)"),
    oneOf("app", "App", "The app", 'label_values(wasmlet_instances{namespace="$namespace"}, app)'),
    NODES,
  ],
  rows: [
    row("Requests", [
      number({
        title: "Requests",
        description: "Requests that the app answered in a second.",
        unit: "reqps",
        width: 6,
        queries: [{ expr: rateBy([], REQUESTS, OF_APP), legend: "requests" }],
      }),
      number({
        title: "Errors",
        description: "Share of requests that were answered with a status of 500 or above.",
        unit: "percentunit",
        decimals: 2,
        width: 6,
        queries: [{ expr: shareBy([], REQUESTS, 'code="5xx"', OF_APP), legend: "errors" }],
        thresholds: [
          { from: 0, color: "green" },
          { from: 0.01, color: "orange" },
          { from: 0.05, color: "red" },
        ],
      }),
      number({
        title: "Latency, p99",
        description: "99 of 100 requests were answered in this time.",
        unit: "s",
        width: 6,
        queries: [{ expr: quantileBy(0.99, [], DURATIONS, OF_APP), legend: "p99" }],
      }),
      number({
        title: "Answered by a cold start",
        description: "Share of requests that woke the app: all of them for an app that is rarely asked.",
        unit: "percentunit",
        decimals: 1,
        width: 6,
        queries: [{ expr: shareBy([], REQUESTS, 'start="cold"', OF_APP), legend: "cold" }],
      }),
      lines({
        title: "Requests by status",
        description: "Requests answered in a second, by class of status.",
        unit: "reqps",
        stacked: true,
        queries: [{ expr: rateBy(["code"], REQUESTS, OF_APP), legend: "{{code}}" }],
        colors: { "2xx": "green", "3xx": "blue", "4xx": "yellow", "5xx": "red" },
      }),
      lines({
        title: "Latency",
        description: "From a request's arrival to the end of its response.",
        unit: "s",
        scale: "log",
        queries: [0.5, 0.9, 0.99].map((quantile) => ({
          expr: quantileBy(quantile, [], DURATIONS, OF_APP),
          legend: `p${quantile * 100}`,
        })),
      }),
      heatmap({
        title: "Distribution of latency",
        description:
          "How many requests in a second took how long. Two bands are two kinds of requests, or cold and warm ones.",
        unit: "s",
        width: 8,
        queries: [{ expr: rateBy(["le"], `${DURATIONS}_bucket`, OF_APP), legend: "{{le}}" }],
      }),
    ]),
    row("Starts", [
      lines({
        title: "First answers",
        description:
          "First answers of instances in a second. Cold: the app was woken. Warm: a fresh instance of an app that is awake, which every request gets unless instances are reused.",
        unit: "ops",
        queries: [
          { expr: rateBy(["start"], `${STARTS}_count`, `phase="first_response",${OF_APP}`), legend: "{{start}}" },
        ],
        colors: { cold: "blue", warm: "orange" },
      }),
      lines({
        title: "Time to the first answer",
        description: "From the request's arrival to the guest's return, for cold and warm starts.",
        unit: "s",
        scale: "log",
        queries: [0.5, 0.99].map((quantile) => ({
          expr: quantileBy(quantile, ["start"], STARTS, `phase="first_response",${OF_APP}`),
          legend: `{{start}}, p${quantile * 100}`,
        })),
      }),
      table({
        title: "Phases of starts",
        description:
          "Since the node runtimes started. fetch, verify and prepare are those of the artifact, once; compile is told by the first start after it.",
        width: 8,
        labels: { start: "Start", phase: "Phase" },
        columns: [
          { title: "Times", unit: "short", expr: sumBy(["start", "phase"], `${STARTS}_count{${OF_APP}}`) },
          {
            title: "Median",
            unit: "s",
            expr: `histogram_quantile(0.5, ${sumBy(["le", "start", "phase"], `${STARTS}_bucket{${OF_APP}}`)})`,
          },
          {
            title: "Mean",
            unit: "s",
            expr: `${sumBy(["start", "phase"], `${STARTS}_sum{${OF_APP}}`)} / ${sumBy(["start", "phase"], `${STARTS}_count{${OF_APP}}`)}`,
          },
        ],
        sortBy: { title: "Phase", descending: false },
      }),
    ]),
    row("What it takes", [
      lines({
        title: "CPU by node",
        description: "Cores that the app's guests used: seconds in a second that they had their cell's thread.",
        unit: "short",
        stacked: true,
        queries: [{ expr: rateBy(["node"], "wasmlet_app_cpu_seconds_total", OF_APP), legend: "{{node}}" }],
      }),
      lines({
        title: "Memory",
        description:
          "Linear memory of live instances, and of those that stand by to be made pristine: reserved, of which what was touched is resident.",
        unit: "bytes",
        queries: [
          { expr: sumBy([], `wasmlet_app_memory_bytes{${OF_APP}}`), legend: "live" },
          { expr: sumBy([], `wasmlet_app_standby_memory_bytes{${OF_APP}}`), legend: "standby" },
        ],
      }),
      lines({
        title: "Live instances by node",
        description: "Instances that serve or stand by; none on a node where nobody asks for the app.",
        unit: "short",
        stacked: true,
        queries: [{ expr: sumBy(["node"], `wasmlet_instances{${OF_APP}}`), legend: "{{node}}" }],
      }),
    ]),
    row("What stops it", [
      lines({
        title: "Limits hit",
        description:
          "Times in a second that a limit of the app stopped something: concurrency and queue_time refuse requests, request_timeout ends guests.",
        unit: "ops",
        queries: [{ expr: rateBy(["limit"], "wasmlet_limit_hits_total", OF_APP), legend: "{{limit}}" }],
      }),
      lines({
        title: "Outgoing connections refused",
        description: "Connections in a second to where network.allowedOutboundHosts does not let the app.",
        unit: "ops",
        queries: [{ expr: rateBy([], "wasmlet_egress_denied_total", OF_APP), legend: "refused" }],
      }),
      lines({
        title: "Log lines dropped",
        description: "Lines in a second that the guest printed faster than may be logged.",
        unit: "ops",
        queries: [{ expr: rateBy([], "wasmlet_log_lines_dropped_total", OF_APP), legend: "dropped" }],
      }),
    ]),
    row("Its program", [
      table({
        title: "Engine",
        description: "What binds the app on each node, and why where it is not the fastest.",
        width: 12,
        labels: { node: "Node", engine: "Engine", reason: "Why" },
        columns: [
          {
            title: "Replicas",
            unit: "short",
            expr: sumBy(["node", "engine", "reason"], `wasmlet_app_engine_info{${OF_APP}}`),
          },
        ],
      }),
      table({
        title: "Getting it onto nodes",
        description: "Since the node runtimes started: mean time to fetch and hash the artifact, and to compile it.",
        width: 12,
        labels: { node: "Node" },
        columns: [
          {
            title: "Times",
            unit: "short",
            expr: sumBy(["node"], `wasmlet_artifact_pull_duration_seconds_count{${OF_APP}}`),
          },
          { title: "Pull", unit: "s", expr: meanBy("node", "wasmlet_artifact_pull_duration_seconds") },
          { title: "Prepare", unit: "s", expr: meanBy("node", "wasmlet_prepare_duration_seconds") },
        ],
      }),
    ]),
  ],
});

function meanBy(label: string, histogram: string): string {
  return `${sumBy([label], `${histogram}_sum{${OF_APP}}`)} / ${sumBy([label], `${histogram}_count{${OF_APP}}`)}`;
}
