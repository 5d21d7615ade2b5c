/*
 * The part of Grafana's dashboard model that is used here, as its JSON has it
 * (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/).
 */

/** The version of the model that Grafana 12 and later write; earlier ones are migrated when they are read. */
export const SCHEMA_VERSION = 42;

export interface DataSourceRef {
  type: "prometheus";
  uid: string;
}

export interface GridPos {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** A query of a panel. */
export interface Target {
  refId: string;
  datasource: DataSourceRef;
  expr: string;
  legendFormat: string;
  editorMode: "code";
  range: boolean;
  instant: boolean;
  format: "time_series" | "table" | "heatmap";
}

export interface Override {
  matcher: { id: "byName" | "byRegexp" | "byFrameRefID"; options: string };
  properties: { id: string; value: unknown }[];
}

/** A panel that asks Prometheus. */
export interface DataPanel {
  id: number;
  type: "timeseries" | "stat" | "table" | "barchart" | "heatmap";
  title: string;
  description: string;
  datasource: DataSourceRef;
  gridPos: GridPos;
  targets: Target[];
  fieldConfig: { defaults: Record<string, unknown>; overrides: Override[] };
  options: Record<string, unknown>;
  transformations?: { id: string; options: Record<string, unknown> }[];
}

export interface RowPanel {
  id: number;
  type: "row";
  title: string;
  collapsed: false;
  gridPos: GridPos;
  panels: [];
}

export interface Variable {
  name: string;
  label: string;
  description: string;
  type: "datasource" | "query" | "custom";
  hide: 0;
  skipUrlSync: false;
  query: string | { query: string; refId: string };
  [field: string]: unknown;
}

export interface Dashboard {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  schemaVersion: number;
  editable: false;
  graphTooltip: number;
  timezone: string;
  refresh: string;
  time: { from: string; to: string };
  timepicker: Record<string, never>;
  fiscalYearStartMonth: number;
  links: Record<string, unknown>[];
  annotations: { list: Record<string, unknown>[] };
  templating: { list: Variable[] };
  panels: (DataPanel | RowPanel)[];
}

/** Returns whether a panel is more than a heading. */
export function isDataPanel(panel: DataPanel | RowPanel): panel is DataPanel {
  return panel.type !== "row";
}
