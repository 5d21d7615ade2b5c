import { isDataPanel, type Dashboard, type DataPanel, type GridPos } from "../grafana.ts";
import type { Substitutions } from "../substitute.ts";
import { drawBars } from "./draw-bars.ts";
import { drawHeatmap } from "./draw-heatmap.ts";
import { drawLines } from "./draw-lines.ts";
import { drawNumber } from "./draw-number.ts";
import { drawTable } from "./draw-table.ts";
import { askPanel, type PanelData, type TimeRange } from "./panel-data.ts";
import type { PrometheusClient } from "./prometheus-client.ts";
import { FAINT, INK, rectangle, RULE, text, type Box } from "./svg.ts";

/*
 * A dashboard as a picture, where there is no Grafana: its own queries, asked of a Prometheus, and drawn in its own places. It
 * looks like Grafana's as far as that is easy.
 */

const COLUMN_WIDTH = 52;
const LINE_HEIGHT = 30;
const GAP = 8;
const TITLE_HEIGHT = 26;
const HEAD_HEIGHT = 46;

const DRAWERS: Readonly<Record<DataPanel["type"], (data: PanelData, box: Box) => string>> = {
  timeseries: drawLines,
  stat: drawNumber,
  table: drawTable,
  barchart: drawBars,
  heatmap: drawHeatmap,
};

/** Returns a dashboard as SVG, with variables replaced by `values`. */
export async function drawDashboard(
  dashboard: Dashboard,
  client: PrometheusClient,
  range: TimeRange,
  values: Substitutions,
): Promise<string> {
  const panels = await Promise.all(
    dashboard.panels.map(async (panel) =>
      isDataPanel(panel)
        ? drawPanel(await askPanel(panel, client, range, values))
        : text(boxOf(panel.gridPos).x + 2, boxOf(panel.gridPos).y + 19, panel.title, { size: 14, weight: "bold" }),
    ),
  );
  const width = 24 * COLUMN_WIDTH + GAP;
  const lines = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const height = HEAD_HEIGHT + lines * LINE_HEIGHT + GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif">`,
    rectangle({ x: 0, y: 0, w: width, h: height }, "#f4f5f5"),
    text(GAP + 2, 29, dashboard.title, { size: 18, weight: "bold" }),
    text(width - GAP, 29, "drawn from the dashboard's own queries; not a screenshot of Grafana", {
      size: 11,
      color: FAINT,
      anchor: "end",
    }),
    ...panels,
    "</svg>\n",
  ].join("\n");
}

function drawPanel(data: PanelData): string {
  const { panel } = data;
  const box = boxOf(panel.gridPos);
  const inner = { x: box.x + 8, y: box.y + TITLE_HEIGHT, w: box.w - 16, h: box.h - TITLE_HEIGHT - 8 };
  return [
    rectangle(box, "#ffffff", ` stroke="${RULE}" rx="2"`),
    text(box.x + 8, box.y + 17, panel.title, { size: 12, weight: "bold", color: INK, maxWidth: box.w - 16 }),
    DRAWERS[panel.type](data, inner),
  ].join("");
}

function boxOf({ x, y, w, h }: GridPos): Box {
  return {
    x: x * COLUMN_WIDTH + GAP,
    y: HEAD_HEIGHT + y * LINE_HEIGHT,
    w: w * COLUMN_WIDTH - GAP,
    h: h * LINE_HEIGHT - GAP,
  };
}
