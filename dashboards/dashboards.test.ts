import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RECORDINGS } from "../alerts/outputs.ts";
import { isDataPanel, type DataPanel, type Variable } from "./grafana.ts";
import { DASHBOARDS } from "./outputs.ts";

/*
 * What Grafana's dashboard-linter asks (https://github.com/grafana/dashboard-linter, by the names of its rules), but for
 * template-job-rule, template-instance-rule and their targets': Wasmlet's series are told by app and node, and the same app
 * has the same meaning whichever pod serves it. And what that linter does not know: places, names of metrics, legends.
 */

/** Of Grafana's units, those that are used; `suffix:` is any text. */
const UNITS = new Set(["short", "s", "bytes", "reqps", "ops", "percentunit", "bool_yes_no", "suffix:x"]);

const METRICS = metricNames();

const panels = DASHBOARDS.flatMap(({ title, panels }) =>
  panels.filter(isDataPanel).map((panel) => ({ name: `${title} / ${panel.title}`, panel })),
);

describe.each(DASHBOARDS)("$title", (dashboard) => {
  const variables = dashboard.templating.list;

  test("template-datasource-rule: the first variable is the data source", () => {
    expect(variables[0]).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
  });

  test("template-label-promql-rule: variables ask for labels of metrics that there are", () => {
    for (const { query } of variables.filter(({ type }) => type === "query")) {
      const { query: text } = query as Exclude<Variable["query"], string>;
      const [, selector = ""] = /^label_values\((.*), [a-z]+\)$/.exec(text) ?? [];
      expect(unknownMetrics(selector), text).toEqual([]);
      expect(selector, text).not.toBe("");
    }
  });

  test("template-on-time-change-reload-rule: variables follow the time range", () => {
    for (const variable of variables.filter(({ type }) => type === "query")) expect(variable["refresh"]).toBe(2);
  });

  test("uneditable-dashboard: it is changed in its file alone", () => expect(dashboard.editable).toBe(false));

  test("variables: each is used, and every one that is used is there", () => {
    const used = JSON.stringify([dashboard.panels, variables]).matchAll(/\$\{?([a-z_]+)/g);
    const own = [...used].map(([, name]) => name ?? "").filter((name) => !name.startsWith("__"));
    expect(new Set(own)).toEqual(new Set(variables.map(({ name }) => name)));
  });

  test("panels: have numbers of their own and places that do not overlap", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`), `${title} at ${x},${y}`).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  test("links: lead to the other dashboards", () => {
    expect(dashboard.links).toMatchObject([{ type: "dashboards", tags: dashboard.tags }]);
  });
});

test("dashboards: each has an address of its own that Grafana takes", () => {
  const uids = DASHBOARDS.map(({ uid }) => uid);
  expect(new Set(uids).size).toBe(uids.length);
  for (const uid of uids) expect(uid).toMatch(/^[a-z-]{1,40}$/);
});

describe.each(panels)("$name", ({ panel }) => {
  test("panel-title-description-rule", () => {
    expect(panel.title).toMatch(/^[A-Z].*[^.]$/);
    expect(panel.description).toMatch(/^[A-Zf9].*\.$/);
  });

  test("panel-datasource-rule, panel-no-targets-rule", () => {
    const chosen = { type: "prometheus", uid: "${datasource}" };
    expect([panel.datasource, ...panel.targets.map(({ datasource }) => datasource)]).toEqual(
      Array.from({ length: panel.targets.length + 1 }, () => chosen),
    );
    expect(panel.targets.length).toBeGreaterThan(0);
    expect(new Set(panel.targets.map(({ refId }) => refId)).size).toBe(panel.targets.length);
  });

  test("panel-units-rule", () => {
    for (const unit of unitsOf(panel)) expect(UNITS, unit).toContain(unit);
  });

  test.each(panel.targets)("target-promql-rule: $expr", ({ expr, legendFormat }) => {
    expect(unknownMetrics(expr)).toEqual([]);
    // target-rate-interval-rule: a fixed window is one that the panel's text names.
    for (const [, window] of expr.matchAll(/(?:rate|irate)\([^[]*\[([^\]]+)\]/g)) {
      expect(["$__rate_interval", "$window"]).toContain(window);
    }
    // target-counter-agg-rule, for lines: what only grows says nothing by itself.
    if (panel.type === "timeseries" && !panel.description.includes("since the node runtimes started")) {
      for (const [whole] of expr.matchAll(/(\w+\()?wasmlet_\w+(_total|_bucket|_count|_sum)\b/g)) {
        expect(whole).toMatch(/^(rate|increase)\(/);
      }
    }
    const kept = new Set([...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(", ")));
    // Recording rules and bare series keep what they have.
    if (kept.size === 0 && !expr.includes("sum(")) return;
    for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect([...kept], expr).toContain(label);
  });
});

function unitsOf({ type, fieldConfig, options }: DataPanel): string[] {
  if (type === "heatmap") return [(options["yAxis"] as { unit: string }).unit];
  const overridden = fieldConfig.overrides.flatMap(({ properties }) =>
    properties.filter(({ id }) => id === "unit").map(({ value }) => String(value)),
  );
  return [String(fieldConfig.defaults["unit"]), ...overridden];
}

/** The metrics of docs/metrics.md, which other tests compare to the code, those of benchmarks, and recording rules. */
function metricNames(): Set<string> {
  const page = readFileSync(new URL("../docs/metrics.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/^\| `(?:wasmlet_)?([a-z0-9_]+)`/gm)].map(([, name]) => `wasmlet_${name}`);
  const benchmarks = ["wasmlet_startup_memory_bytes", "wasmlet_startup_artifact_bytes"];
  return new Set([...documented, ...benchmarks, ...RECORDINGS.map(({ record }) => record)]);
}

function unknownMetrics(expr: string): string[] {
  return [...expr.matchAll(/[a-z_]*:?wasmlet_[a-z0-9_]+(?::[a-z0-9_]+)?/g)]
    .map(([name]) => name)
    .filter((name) => !METRICS.has(name) && !METRICS.has(name.replace(/_(bucket|count|sum)$/, "")));
}
