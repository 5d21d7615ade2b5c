import { dashboard, row } from "./dashboard.ts";
import { lines, number, table } from "./panels.ts";
import { OF_APPS, OF_NODES, quantileBy, rateBy, shareBy, sumBy } from "./promql.ts";
import { DATA_SOURCE, NAMESPACES, NODES } from "./variables.ts";

const REQUESTS = "wasmlet_requests_total";
const DURATIONS = "wasmlet_request_duration_seconds";
const WOKEN = `start="cold",${OF_APPS}`;
const APP = ["namespace", "app"];

/** The fleet at a glance. */
export const OVERVIEW = dashboard({
  uid: "wasmlet-overview",
  title: "Overview",
  description: "All apps and nodes of a cluster: what runs, how it answers, and what it takes.",
  variables: [DATA_SOURCE, NAMESPACES, NODES],
  rows: [
    row("Fleet", [
      number({
        title: "Apps ready",
        description: "WasmApps of the cluster whose condition Ready is True, as the operator sees them.",
        unit: "short",
        queries: [{ expr: 'max(wasmlet_apps{ready="true"})', legend: "ready" }],
      }),
      number({
        title: "Apps not ready",
        description: "WasmApps that do not serve, or not in their present form. `kubectl get wasmapps -A` says why.",
        unit: "short",
        queries: [{ expr: 'max(wasmlet_apps{ready="false"})', legend: "not ready" }],
        thresholds: [
          { from: 0, color: "green" },
          { from: 1, color: "orange" },
        ],
      }),
      number({
        title: "Requests",
        description: "Requests that apps answered in a second.",
        unit: "reqps",
        queries: [{ expr: rateBy([], REQUESTS, OF_APPS), legend: "requests" }],
      }),
      number({
        title: "Errors",
        description: "Share of requests that were answered with a status of 500 or above.",
        unit: "percentunit",
        decimals: 2,
        queries: [{ expr: shareBy([], REQUESTS, 'code="5xx"', OF_APPS), legend: "errors" }],
        thresholds: [
          { from: 0, color: "green" },
          { from: 0.01, color: "orange" },
          { from: 0.05, color: "red" },
        ],
      }),
      number({
        title: "Nodes",
        description: "Nodes whose runtime answers Prometheus.",
        unit: "short",
        queries: [{ expr: `count(wasmlet_cells{${OF_NODES}})`, legend: "nodes" }],
      }),
      number({
        title: "Cells",
        description: "Processes that run guests, on all nodes.",
        unit: "short",
        queries: [{ expr: sumBy([], `wasmlet_cells{${OF_NODES}}`), legend: "cells" }],
      }),
    ]),
    row("Requests", [
      lines({
        title: "Requests by status",
        description: "Requests answered in a second, by class of status.",
        unit: "reqps",
        stacked: true,
        queries: [{ expr: rateBy(["code"], REQUESTS, OF_APPS), legend: "{{code}}" }],
        colors: { "2xx": "green", "3xx": "blue", "4xx": "yellow", "5xx": "red" },
      }),
      lines({
        title: "Errors by app",
        description: "Share of an app's requests that were answered with a status of 500 or above; the ten worst.",
        unit: "percentunit",
        queries: [
          { expr: `topk(10, ${shareBy(APP, REQUESTS, 'code="5xx"', OF_APPS)} > 0)`, legend: "{{namespace}}/{{app}}" },
        ],
      }),
      lines({
        title: "Latency",
        description: "From a request's arrival to the end of its response, over all apps.",
        unit: "s",
        scale: "log",
        queries: [0.5, 0.9, 0.99].map((quantile) => ({
          expr: quantileBy(quantile, [], DURATIONS, OF_APPS),
          legend: `p${quantile * 100}`,
        })),
      }),
    ]),
    row("Starts", [
      lines({
        title: "Cold starts",
        description: "Times in a second that an app which was scaled to zero was woken by a request.",
        unit: "ops",
        queries: [{ expr: rateBy([], REQUESTS, WOKEN), legend: "cold starts" }],
      }),
      lines({
        title: "Requests that woke an app",
        description: "From such a request's arrival to the end of its response.",
        unit: "s",
        scale: "log",
        queries: [0.5, 0.99].map((quantile) => ({
          expr: quantileBy(quantile, [], DURATIONS, WOKEN),
          legend: `p${quantile * 100}`,
        })),
      }),
      lines({
        title: "Live instances",
        description: "Instances that serve or stand by. An app that nobody asks has none.",
        unit: "short",
        stacked: true,
        queries: [{ expr: sumBy(["namespace"], `wasmlet_instances{${OF_APPS}}`), legend: "{{namespace}}" }],
      }),
    ]),
    row("What it takes", [
      lines({
        title: "Memory of instances",
        description: "Linear memory of live instances, by namespace.",
        unit: "bytes",
        stacked: true,
        queries: [{ expr: sumBy(["namespace"], `wasmlet_app_memory_bytes{${OF_APPS}}`), legend: "{{namespace}}" }],
      }),
      lines({
        title: "CPU by namespace",
        description: "Cores that guests used: seconds in a second that they had their cell's thread.",
        unit: "short",
        stacked: true,
        queries: [{ expr: rateBy(["namespace"], "wasmlet_app_cpu_seconds_total", OF_APPS), legend: "{{namespace}}" }],
      }),
      lines({
        title: "Replicas by state",
        description: "Apps on nodes, by the state that their node reports. BackOff and Failed ones do not serve.",
        unit: "short",
        stacked: true,
        queries: [{ expr: `${sumBy(["state"], `wasmlet_replicas{${OF_NODES}}`)} > 0`, legend: "{{state}}" }],
        colors: { Ready: "green", Running: "green", BackOff: "orange", Failed: "red" },
      }),
    ]),
    row("Apps", [
      table({
        title: "Busiest apps",
        description: "The twenty apps with most requests, and what they take now.",
        labels: { namespace: "Namespace", app: "App" },
        columns: [
          { title: "Requests", unit: "reqps", expr: `topk(20, ${rateBy(APP, REQUESTS, OF_APPS)})` },
          { title: "Errors", unit: "percentunit", decimals: 2, expr: shareBy(APP, REQUESTS, 'code="5xx"', OF_APPS) },
          { title: "p99", unit: "s", expr: quantileBy(0.99, APP, DURATIONS, OF_APPS) },
          { title: "Instances", unit: "short", expr: sumBy(APP, `wasmlet_instances{${OF_APPS}}`) },
          { title: "Memory", unit: "bytes", expr: sumBy(APP, `wasmlet_app_memory_bytes{${OF_APPS}}`) },
          { title: "Cores", unit: "short", decimals: 3, expr: rateBy(APP, "wasmlet_app_cpu_seconds_total", OF_APPS) },
        ],
        sortBy: { title: "Requests", descending: true },
      }),
    ]),
  ],
});
