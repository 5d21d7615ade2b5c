import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ALERTS, RECORDINGS } from "../../alerts/outputs.ts";
import { isDataPanel } from "../../dashboards/grafana.ts";
import { DASHBOARDS } from "../../dashboards/outputs.ts";
import { substitute } from "../../dashboards/substitute.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { waitFor } from "../cluster/processes.ts";
import { needTools } from "../oci/tools.ts";
import { prometheusTool } from "../promtool.ts";
import { childrenOf } from "../served-runtime.ts";
import { NAMESPACE, startMonitoredCluster, type MonitoredCluster } from "./monitored-cluster.ts";

/*
 * Every PromQL expression of every panel, variable, recording rule and alert, by a real Prometheus over real series: each is
 * understood, and says something.
 */

/** What says nothing while nothing is wrong, by dashboard and panel or by alert. */
const EMPTY_IN_HEALTH: Readonly<Record<string, string>> = {
  "Operator and nodes / Failed reconciles": "the counter has a series for each code that occurred",
  "Operator and nodes / Broken watches / A": "the counter has a series for each resource whose watch broke",
  WasmletNoRuntime: "there are node runtimes",
  WasmletStatusWritesFailing: "the counter has a series for each result that occurred",
  WasmletReferencesUnreadable: "the counter has a series for each result that occurred",
  WasmletOperatorDown: "there is an operator",
  WasmletWorkQueueStuck: "the queue moves",
  WasmletReconcileErrors: "the counter has a series for each code that occurred",
  WasmletOperatorWatchBroken: "the counter has a series for each resource whose watch broke",
};

const VALUES: Readonly<Record<string, Record<string, string>>> = {
  "wasmlet-app": { namespace: NAMESPACE, app: "cart" },
};

/** An expression, and what it is called in the list of exceptions. */
interface Expression {
  name: string;
  expr: string;
}

const PANELS: Expression[] = DASHBOARDS.flatMap(({ uid, title, panels }) =>
  panels.filter(isDataPanel).flatMap((panel) =>
    panel.targets.map(({ expr, refId }) => ({
      name: [title.replace("Wasmlet / ", ""), panel.title, ...(panel.targets.length > 1 ? [refId] : [])].join(" / "),
      expr: substitute(expr, {
        node: ".*",
        namespace: ".*",
        benchmark: ".*",
        window: "30s",
        __rate_interval: "30s",
        ...VALUES[uid],
      }),
    })),
  ),
);

const VARIABLES: Expression[] = DASHBOARDS.flatMap(({ title, templating }) =>
  templating.list.flatMap(({ name, query }) => {
    if (typeof query === "string") return [];
    const [, selector = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(query.query) ?? [];
    const expr = substitute(`count by (${label}) (${selector})`, { namespace: NAMESPACE });
    return [{ name: `${title}, variable ${name}`, expr }];
  }),
);

/** An alert's expression without the bounds that are not crossed in health. */
const ALERT_VALUES: Expression[] = ALERTS.map(({ name, expr }) => ({
  name,
  expr: expr.replaceAll(/ (?:==|>|<) [\d.]+/g, ""),
}));

let monitored: MonitoredCluster;

const isPossible = [needCluster("control-plane"), needTools(prometheusTool("prometheus"))].every(Boolean);

test("exceptions: each is an expression that there is", () => {
  const names = new Set([...PANELS, ...ALERT_VALUES].map(({ name }) => name));
  expect(Object.keys(EMPTY_IN_HEALTH).filter((name) => !names.has(name))).toEqual([]);
});

describe.skipIf(!isPossible)("expressions on a real Prometheus", () => {
  beforeAll(async () => {
    monitored = await startMonitoredCluster();
    const { traffic, prometheus } = monitored;
    // Twice: a series of a counter that is new shows no growth until it grows again.
    await traffic.hitLimits();
    await waitFor("the first hits to be read", async () => {
      const [sample] = await prometheus.client.query('sum(wasmlet_limit_hits_total{limit="request_timeout"})');
      return sample !== undefined;
    });
    await traffic.hitLimits();
    await waitFor("limits, refusals and cold starts to be read", async () => {
      const rates = [
        'rate(wasmlet_limit_hits_total{limit="request_timeout"}[30s])',
        "rate(wasmlet_egress_denied_total[30s])",
        'rate(wasmlet_requests_total{code="5xx"}[30s])',
        'rate(wasmlet_startup_duration_seconds_count{start="cold",phase="first_response",app="hello"}[30s])',
        'rate(wasmlet_startup_duration_seconds_count{benchmark="docs",phase="total"}[30s])',
        // The last link of a chain: a request that woke an app, twice, read and recorded.
        'namespace_app:wasmlet_cold_request_duration_seconds:p99_rate15m{app="hello"}',
        "namespace_app:wasmlet_request_errors:ratio_rate5m",
      ];
      const found = await Promise.all(rates.map((rate) => prometheus.client.query(`sum(${rate}) > 0`)));
      return found.every((samples) => samples.length > 0);
    });
  });
  afterAll(async () => monitored?.[Symbol.asyncDispose]());

  test.each(PANELS)("panel $name", ({ name, expr }) => saysSomething(name, expr));

  test.each(VARIABLES)("$name", ({ name, expr }) => saysSomething(name, expr));

  test.each(RECORDINGS)("recording $record: is kept", async ({ record, expr }) => {
    await saysSomething(record, expr);
    await saysSomething(record, record);
  });

  test.each(ALERT_VALUES)("alert $name", ({ name, expr }) => saysSomething(name, expr));

  test("rules: Prometheus evaluates them all without an error", async () => {
    const rules = await monitored.prometheus.client.rules();
    expect(rules).toHaveLength(ALERTS.length + RECORDINGS.length);
    expect(rules.filter(({ health, lastError }) => health !== "ok" || lastError)).toEqual([]);
  });

  test("series of apps: name the app's namespace and the node", async () => {
    const found = await monitored.prometheus.client.query("count by (namespace, app, node) (wasmlet_instances)");
    expect(found.map(({ labels }) => labels)).toEqual(
      expect.arrayContaining(["node-0", "node-1"].map((node) => ({ namespace: NAMESPACE, app: "cart", node }))),
    );
    expect(found.filter(({ labels }) => labels["namespace"] !== NAMESPACE)).toEqual([]);
  });

  test("WasmletCellsRestarting: fires after cells were killed", async () => {
    const { prometheus, nodes } = monitored;
    const firing = 'ALERTS{alertname="WasmletCellsRestarting",alertstate="firing"}';
    expect(await prometheus.client.query(firing)).toEqual([]);
    for (let count = 1; count <= 4; count++) {
      const cells = childrenOf(nodes[0]!.pid);
      process.kill(cells[0]!, "SIGKILL");
      await waitFor("a restart to be read", async () => {
        const [sample] = await prometheus.client.query('wasmlet_cell_restarts_total{node="node-0"}');
        return (sample?.value ?? 0) >= count;
      });
    }
    await waitFor("the alert", async () => (await prometheus.client.query(firing)).length > 0);
    const [alert] = await prometheus.client.query(firing);
    expect(alert?.labels).toMatchObject({ node: "node-0", severity: "warning" });
  });
});

async function saysSomething(name: string, expr: string): Promise<void> {
  const samples = await monitored.prometheus.client.query(expr);
  if (EMPTY_IN_HEALTH[name] !== undefined) return;
  expect(samples.filter(({ value }) => !Number.isNaN(value)).length, expr).toBeGreaterThan(0);
}
