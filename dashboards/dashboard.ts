import { SCHEMA_VERSION, type Dashboard, type DataPanel, type RowPanel, type Variable } from "./grafana.ts";
import type { Panel } from "./panels.ts";

const COLUMNS = 24;
const TAG = "wasmlet";

/** Panels below one heading. */
export interface Row {
  title: string;
  panels: Panel[];
}

/** A dashboard as its file tells it. */
export interface DashboardText {
  /** What its address ends with: never changed, links and bookmarks hold it. */
  uid: string;
  title: string;
  description: string;
  variables: Variable[];
  /** How much of the past it shows at first. */
  from?: string;
  rows: Row[];
}

/** Returns panels below a heading. */
export function row(title: string, panels: Panel[]): Row {
  return { title, panels };
}

/** Returns a dashboard with every panel in its place. */
export function dashboard({ uid, title, description, variables, from = "now-1h", rows }: DashboardText): Dashboard {
  return {
    uid,
    title: `Wasmlet / ${title}`,
    description,
    tags: [TAG],
    schemaVersion: SCHEMA_VERSION,
    editable: false,
    graphTooltip: 1,
    timezone: "browser",
    refresh: "30s",
    time: { from, to: "now" },
    timepicker: {},
    fiscalYearStartMonth: 0,
    links: [
      {
        title: "Wasmlet",
        type: "dashboards",
        icon: "external link",
        tooltip: "The other dashboards of Wasmlet",
        url: "",
        tags: [TAG],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
      },
    ],
    annotations: { list: [] },
    templating: { list: variables },
    panels: place(rows),
  };
}

/** Gives panels their numbers and places: from left to right, then in a new line as high as the highest before it. */
function place(rows: readonly Row[]): (DataPanel | RowPanel)[] {
  const placed: (DataPanel | RowPanel)[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    const heading = { type: "row", title, collapsed: false, panels: [] as [] } as const;
    placed.push({ id: placed.length + 1, ...heading, gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 } });
    let x = 0;
    let height = 0;
    for (const { size, ...panel } of panels) {
      if (x + size.w > COLUMNS) {
        y += height;
        x = height = 0;
      }
      placed.push({ id: placed.length + 1, ...panel, gridPos: { x, y, ...size } });
      x += size.w;
      height = Math.max(height, size.h);
    }
    y += height;
  }
  return placed;
}
