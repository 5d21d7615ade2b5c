import { dashboard, row } from "./dashboard.ts";
import { lines, number, table } from "./panels.ts";
import { OF_NODES, quantileBy, rateBy, sumBy } from "./promql.ts";
import { DATA_SOURCE, NODES } from "./variables.ts";

const RECONCILES = "wasmlet_reconcile_duration_seconds";
const WAITS = "wasmlet_workqueue_wait_seconds";

/** What keeps the apps running: the operator, and the runtime on each node. */
export const OPERATOR_AND_NODES = dashboard({
  uid: "wasmlet-operator-nodes",
  title: "Operator and nodes",
  description: "Whether the operator keeps up with the cluster, and how the node runtimes are.",
  variables: [DATA_SOURCE, NODES],
  rows: [
    row("Operator", [
      number({
        title: "Leaders",
        description: "One operator leads, the others stand by. With none, apps run on, but nothing changes.",
        unit: "short",
        queries: [{ expr: "sum(wasmlet_leader)", legend: "leaders" }],
        thresholds: [
          { from: 0, color: "red" },
          { from: 1, color: "green" },
          { from: 2, color: "red" },
        ],
      }),
      number({
        title: "Operators ready",
        description: "Operators that have read everything that they watch.",
        unit: "short",
        queries: [{ expr: "sum(wasmlet_synced)", legend: "ready" }],
        thresholds: [
          { from: 0, color: "red" },
          { from: 1, color: "green" },
        ],
      }),
      number({
        title: "Objects waiting",
        description: "Objects that wait to be reconciled. More than a moment's worth: the operator does not keep up.",
        unit: "short",
        queries: [{ expr: "sum(wasmlet_workqueue_depth)", legend: "waiting" }],
      }),
      number({
        title: "Reconciles",
        description: "Objects that the operator looked at in a second.",
        unit: "ops",
        queries: [{ expr: rateBy([], `${RECONCILES}_count`), legend: "reconciles" }],
      }),
      number({
        title: "Writes",
        description: "Requests in a second that changed something in the API. None while nothing changes.",
        unit: "ops",
        queries: [{ expr: rateBy([], "wasmlet_writes_total"), legend: "writes" }],
      }),
      number({
        title: "Events dropped",
        description: "Events that were not written because there were too many, since the operators started.",
        unit: "short",
        queries: [{ expr: "sum(wasmlet_events_dropped)", legend: "dropped" }],
      }),
      lines({
        title: "Duration of reconciles",
        description: "Time of one reconcile, writes included.",
        unit: "s",
        scale: "log",
        queries: [0.5, 0.99].map((quantile) => ({
          expr: quantileBy(quantile, ["controller"], RECONCILES),
          legend: `{{controller}}, p${quantile * 100}`,
        })),
      }),
      lines({
        title: "Wait in the queue",
        description: "Time from a change to its reconcile.",
        unit: "s",
        scale: "log",
        queries: [0.5, 0.99].map((quantile) => ({
          expr: quantileBy(quantile, ["controller"], WAITS),
          legend: `{{controller}}, p${quantile * 100}`,
        })),
      }),
      lines({
        title: "Depth of the queue",
        description: "Objects that wait to be reconciled, by controller.",
        unit: "short",
        queries: [{ expr: sumBy(["controller"], "wasmlet_workqueue_depth"), legend: "{{controller}}" }],
      }),
      lines({
        title: "Writes by resource",
        description:
          "Requests in a second that changed something. Writes that never end mean that two fight over a field.",
        unit: "ops",
        queries: [{ expr: rateBy(["verb", "resource"], "wasmlet_writes_total"), legend: "{{verb}} {{resource}}" }],
      }),
      lines({
        title: "Failed reconciles",
        description:
          "Reconciles in a second that failed and are tried again, by the code of their error (docs/errors.md).",
        unit: "ops",
        queries: [
          { expr: rateBy(["controller", "code"], "wasmlet_reconcile_errors_total"), legend: "{{controller}} {{code}}" },
        ],
      }),
      lines({
        title: "Broken watches",
        description: "Watches in a second that broke and were begun anew. One after hours is ordinary.",
        unit: "ops",
        queries: [
          { expr: rateBy(["resource"], "wasmlet_watch_errors_total"), legend: "operator: {{resource}}" },
          { expr: rateBy(["node"], "wasmlet_kube_watch_restarts_total", OF_NODES), legend: "{{node}}: replicas" },
        ],
      }),
    ]),
    row("Nodes", [
      table({
        title: "Nodes now",
        description: "Each node's runtime: whether it reaches the API server, its processes, its apps and its cache.",
        labels: { node: "Node" },
        columns: [
          { title: "API server", unit: "bool_yes_no", expr: `min by (node) (wasmlet_kube_connected{${OF_NODES}})` },
          { title: "Cells", unit: "short", expr: sumBy(["node"], `wasmlet_cells{${OF_NODES}}`) },
          {
            title: "Restarts of cells",
            unit: "short",
            expr: sumBy(["node"], `wasmlet_cell_restarts_total{${OF_NODES}}`),
          },
          {
            title: "Apps serving",
            unit: "short",
            expr: sumBy(["node"], `wasmlet_replicas{state=~"Ready|Running",${OF_NODES}}`),
          },
          {
            title: "Apps failing",
            unit: "short",
            expr: sumBy(["node"], `wasmlet_replicas{state=~"BackOff|Failed",${OF_NODES}}`),
          },
          { title: "Instances", unit: "short", expr: sumBy(["node"], `wasmlet_instances{${OF_NODES}}`) },
          {
            title: "Memory of instances",
            unit: "bytes",
            expr: sumBy(["node"], `wasmlet_app_memory_bytes{${OF_NODES}}`),
          },
          { title: "Cache", unit: "bytes", expr: sumBy(["node"], `wasmlet_artifact_cache_bytes{${OF_NODES}}`) },
        ],
        sortBy: { title: "Node", descending: false },
      }),
      lines({
        title: "Replicas by state",
        description: "Apps on nodes, by the state that their node reports.",
        unit: "short",
        stacked: true,
        queries: [{ expr: `${sumBy(["state"], `wasmlet_replicas{${OF_NODES}}`)} > 0`, legend: "{{state}}" }],
        colors: { Ready: "green", Running: "green", BackOff: "orange", Failed: "red" },
      }),
      lines({
        title: "Cells",
        description: "Live processes that run guests.",
        unit: "short",
        queries: [{ expr: sumBy(["node"], `wasmlet_cells{${OF_NODES}}`), legend: "{{node}}" }],
      }),
      lines({
        title: "Restarts of cells",
        description: "Cells in the last ten minutes that died unasked and were replaced.",
        unit: "short",
        queries: [
          { expr: sumBy(["node"], `increase(wasmlet_cell_restarts_total{${OF_NODES}}[10m])`), legend: "{{node}}" },
        ],
      }),
    ]),
    row("Artifacts and status", [
      lines({
        title: "Cache on disk",
        description: "Artifacts as they came and as prepared; bounded by the pool's cacheSize.",
        unit: "bytes",
        queries: [{ expr: sumBy(["node"], `wasmlet_artifact_cache_bytes{${OF_NODES}}`), legend: "{{node}}" }],
      }),
      lines({
        title: "Evictions from the cache",
        description: "Entries in the last hour that were removed because the cache was full.",
        unit: "short",
        queries: [
          {
            expr: sumBy(["node"], `increase(wasmlet_artifact_cache_evictions_total{${OF_NODES}}[1h])`),
            legend: "{{node}}",
          },
        ],
      }),
      // Each app is pulled once: rates would see nothing.
      lines({
        title: "Pulling and preparing",
        description:
          "99 of 100 artifacts of the apps that are there were fetched and hashed, or compiled, in this time, since the node runtimes started.",
        unit: "s",
        scale: "log",
        queries: [
          { expr: quantileOfAll("wasmlet_artifact_pull_duration_seconds"), legend: "pull, p99" },
          { expr: quantileOfAll("wasmlet_prepare_duration_seconds"), legend: "prepare, p99" },
        ],
      }),
      lines({
        title: "Artifacts pulled",
        description: "Times that an artifact was fetched for the apps that are there, since the node runtimes started.",
        unit: "short",
        queries: [
          {
            expr: sumBy(["node"], `wasmlet_artifact_pull_duration_seconds_count{${OF_NODES}}`),
            legend: "{{node}}",
          },
        ],
      }),
      lines({
        title: "Writes of status",
        description: "Statuses of replicas that nodes wrote in a second, by how it ended. An idle node writes nothing.",
        unit: "ops",
        queries: [{ expr: rateBy(["result"], "wasmlet_replica_status_writes_total", OF_NODES), legend: "{{result}}" }],
        colors: { written: "green", error: "red" },
      }),
      lines({
        title: "References read",
        description: "ConfigMaps and Secrets in a second that nodes read for apps, by how it ended.",
        unit: "ops",
        queries: [{ expr: rateBy(["result"], "wasmlet_reference_reads_total", OF_NODES), legend: "{{result}}" }],
        colors: { found: "green", error: "red" },
      }),
    ]),
  ],
});

function quantileOfAll(histogram: string): string {
  return `histogram_quantile(0.99, ${sumBy(["le"], `${histogram}_bucket{${OF_NODES}}`)})`;
}
