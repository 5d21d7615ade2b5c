import type { DataPanel, GridPos, Override, Target } from "./grafana.ts";
import { CHOSEN_DATA_SOURCE } from "./variables.ts";

/** A panel that has no place yet. */
export type Panel = Omit<DataPanel, "id" | "gridPos"> & { size: Pick<GridPos, "w" | "h"> };

/** A query, and what its series are called. */
interface Query {
  expr: string;
  /** With `{{label}}`s. */
  legend: string;
}

/** What all panels have. */
interface PanelText {
  title: string;
  /** What it says, and what to make of it. */
  description: string;
  /** One of Grafana's units: `s`, `bytes`, `reqps`, `percentunit`, `short`. */
  unit: string;
  queries: Query[];
  /** Of 24 columns. */
  width?: number;
  height?: number;
  decimals?: number;
}

/** What lines are like. */
interface LineStyle {
  scale?: "linear" | "log";
  stacked?: boolean;
  max?: number;
  colors?: Readonly<Record<string, string>>;
}

/** A value from which on it is of a color. */
export interface Threshold {
  from: number;
  color: "green" | "yellow" | "orange" | "red";
}

/** Returns lines over time. */
export function lines(text: PanelText & LineStyle): Panel {
  const { scale = "linear", stacked = false, max, colors = {} } = text;
  return {
    type: "timeseries",
    ...base(text, { w: 8, h: 8 }, "range"),
    fieldConfig: {
      defaults: {
        unit: text.unit,
        ...(text.decimals !== undefined && { decimals: text.decimals }),
        ...(scale === "linear" && { min: 0 }),
        ...(max !== undefined && { max }),
        custom: {
          drawStyle: "line",
          lineInterpolation: "linear",
          lineWidth: 1,
          fillOpacity: stacked ? 40 : 8,
          showPoints: "auto",
          spanNulls: false,
          stacking: { mode: stacked ? "normal" : "none", group: "A" },
          scaleDistribution: scale === "log" ? { type: "log", log: 10 } : { type: "linear" },
        },
      },
      overrides: Object.entries(colors).map(([name, color]) => fixedColor(name, color)),
    },
    options: {
      legend: { displayMode: "table", placement: "bottom", showLegend: true, calcs: ["last", "max"] },
      tooltip: { mode: "multi", sort: "desc" },
    },
  };
}

/** Returns one number, large, colored by thresholds where there are any. */
export function number(text: PanelText & { thresholds?: Threshold[]; sparkline?: boolean }): Panel {
  const { thresholds, sparkline = true } = text;
  const steps = (thresholds ?? [{ from: 0, color: "green" as const }]).map(({ from, color }, index) => ({
    value: index === 0 ? null : from,
    color,
  }));
  return {
    type: "stat",
    ...base(text, { w: 4, h: 4 }, sparkline ? "range" : "instant"),
    fieldConfig: {
      defaults: {
        unit: text.unit,
        ...(text.decimals !== undefined && { decimals: text.decimals }),
        noValue: "–",
        color: { mode: thresholds === undefined ? "fixed" : "thresholds", fixedColor: "blue" },
        thresholds: { mode: "absolute", steps },
      },
      overrides: [],
    },
    options: {
      colorMode: "value",
      graphMode: sparkline ? "area" : "none",
      justifyMode: "auto",
      orientation: "auto",
      textMode: "auto",
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: "standard",
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    },
  };
}

/** A column of a table: a query's value. */
export interface Column {
  expr: string;
  title: string;
  unit: string;
  decimals?: number;
}

/** Returns a table of what is the case now: one row for each set of labels, one column for each query. */
export function table(
  text: Omit<PanelText, "queries" | "unit"> & {
    /** Labels that a row is told by, and what their columns are called. */
    labels: Readonly<Record<string, string>>;
    columns: Column[];
    sortBy?: { title: string; descending: boolean };
  },
): Panel {
  const { labels, columns, sortBy } = text;
  const queries = columns.map(({ expr, title }) => ({ expr, legend: title }));
  const shared = base({ ...text, unit: "short", queries }, { w: 24, h: 8 }, "instant", "table");
  const valueField = (index: number): string =>
    columns.length === 1 ? "Value" : `Value #${shared.targets[index]?.refId ?? ""}`;
  const names = Object.fromEntries(columns.map(({ title }, index) => [valueField(index), title]));
  const order = [...Object.keys(labels), ...Object.keys(names)];
  return {
    type: "table",
    ...shared,
    fieldConfig: {
      defaults: { unit: "short", noValue: "–", custom: { align: "auto", filterable: false, inspect: false } },
      overrides: columns.map(({ title, unit, decimals }) => ({
        matcher: { id: "byName", options: title },
        properties: [
          { id: "unit", value: unit },
          ...(decimals === undefined ? [] : [{ id: "decimals", value: decimals }]),
        ],
      })),
    },
    options: {
      showHeader: true,
      frameIndex: 0,
      cellHeight: "sm",
      sortBy: sortBy === undefined ? [] : [{ displayName: sortBy.title, desc: sortBy.descending }],
    },
    transformations: [
      { id: "merge", options: {} },
      {
        id: "organize",
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
          renameByName: { ...labels, ...names },
        },
      },
    ],
  };
}

/** Returns bars, one for each value of a label; with `stackBy`, made of one piece for each value of that label. */
export function bars(text: PanelText & { by: string; stackBy?: string; scale?: "linear" | "log" }): Panel {
  const { by, stackBy, scale = "linear" } = text;
  const matrix = { columnField: stackBy, rowField: by, valueField: "Value", emptyValue: "null" };
  return {
    type: "barchart",
    ...base(text, { w: 12, h: 9 }, "instant", "table"),
    fieldConfig: {
      defaults: {
        unit: text.unit,
        ...(text.decimals !== undefined && { decimals: text.decimals }),
        custom: {
          fillOpacity: 80,
          lineWidth: 0,
          scaleDistribution: scale === "log" ? { type: "log", log: 10 } : { type: "linear" },
        },
      },
      overrides: [],
    },
    options: {
      orientation: "horizontal",
      xField: stackBy === undefined ? by : `${by}\\${stackBy}`,
      stacking: stackBy === undefined ? "none" : "normal",
      showValue: stackBy === undefined ? "always" : "never",
      xTickLabelRotation: 0,
      xTickLabelMaxLength: 0,
      fullHighlight: false,
      barWidth: 0.8,
      groupWidth: 0.7,
      legend: { displayMode: "list", placement: "bottom", showLegend: stackBy !== undefined, calcs: [] },
      tooltip: { mode: stackBy === undefined ? "single" : "multi", sort: "none" },
    },
    transformations:
      stackBy === undefined
        ? [
            { id: "organize", options: { excludeByName: { Time: true }, indexByName: {}, renameByName: {} } },
            { id: "sortBy", options: { fields: {}, sort: [{ field: "Value", desc: false }] } },
          ]
        : [{ id: "groupingToMatrix", options: matrix }],
  };
}

/** Returns a heat map of a histogram: how many samples fell into each bucket, over time. */
export function heatmap(text: PanelText): Panel {
  return {
    type: "heatmap",
    ...base(text, { w: 12, h: 8 }, "range", "heatmap"),
    fieldConfig: { defaults: { custom: { scaleDistribution: { type: "linear" } } }, overrides: [] },
    options: {
      calculate: false,
      cellGap: 1,
      color: { mode: "scheme", scheme: "Oranges", steps: 64, exponent: 0.5, reverse: false, fill: "dark-orange" },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: "auto" },
      showValue: "never",
      exemplars: { color: "rgba(255,0,255,0.7)" },
      tooltip: { mode: "single", yHistogram: false, showColorScale: false },
      yAxis: { axisPlacement: "left", unit: text.unit, reverse: false },
    },
  };
}

/** Whether a query is asked for all times that are shown, or for the last alone. */
type Asking = "range" | "instant";

type Base = Pick<Panel, "title" | "description" | "datasource" | "size" | "targets">;

function base(text: PanelText, size: Panel["size"], ask: Asking, format: Target["format"] = "time_series"): Base {
  const { title, description, queries, width = size.w, height = size.h } = text;
  return {
    title,
    description,
    datasource: CHOSEN_DATA_SOURCE,
    size: { w: width, h: height },
    targets: queries.map((query, index) => targetOf(query, index, ask, format)),
  };
}

function targetOf({ expr, legend }: Query, index: number, ask: Asking, format: Target["format"]): Target {
  return {
    refId: String.fromCodePoint("A".codePointAt(0)! + index),
    datasource: CHOSEN_DATA_SOURCE,
    expr,
    legendFormat: legend,
    editorMode: "code",
    range: ask === "range",
    instant: ask === "instant",
    format,
  };
}

function fixedColor(name: string, color: string): Override {
  return {
    matcher: { id: "byRegexp", options: `/^${name}/` },
    properties: [{ id: "color", value: { mode: "fixed", fixedColor: color } }],
  };
}
