import type { DataPanel } from "../grafana.ts";
import { nameOf, type PanelData } from "./panel-data.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";
import { area, curve, FAINT, line, NAMED_COLORS, rectangle, SERIES_COLORS, text, widthOf, type Box } from "./svg.ts";
import { formatValue } from "./units.ts";

const LEGEND_LINE = 16;
const MAX_LEGEND_LINES = 4;
const AXIS_WIDTH = 58;

interface DrawnSeries {
  name: string;
  color: string;
  points: [number, number][];
  last: number | undefined;
}

/** Draws a panel of lines over time, with its legend below. */
export function drawLines(data: PanelData, box: Box): string {
  const { panel, range } = data;
  const { unit, custom } = panel.fieldConfig.defaults as unknown as LineDefaults;
  const series = seriesOf(data);
  if (series.length === 0)
    return text(box.x + box.w / 2, box.y + box.h / 2, "no data", { anchor: "middle", color: FAINT });
  const stacked = custom.stacking.mode === "normal";
  const layers = stacked ? stack(series) : series.map(({ points }) => ({ upper: points, lower: [] }));
  const values = layers
    .flatMap(({ upper }) => upper.map(([, value]) => value))
    .filter((value) => Number.isFinite(value));
  const scale = custom.scaleDistribution.type === "log" ? logScale(values) : linearScale(values, unit);
  const entries = placeLegend(series, unit, box.w);
  const plot = {
    x: box.x + AXIS_WIDTH,
    y: box.y + 6,
    w: box.w - AXIS_WIDTH - 8,
    h: box.h - 26 - entries.lines * LEGEND_LINE,
  };
  const toPlace = ([at, value]: [number, number]): [number, number] => [
    plot.x + ((at - range.from) / (range.to - range.from)) * plot.w,
    plot.y + plot.h * (1 - scale.place(value)),
  ];
  const drawn = layers.flatMap(({ upper, lower }, index) => {
    const color = series[index]!.color;
    const shape = curve(
      pieces(upper, range.step).map((piece) => piece.map(toPlace)),
      color,
    );
    return stacked ? [area(upper.map(toPlace), lower.map(toPlace), color), shape] : [shape];
  });
  const legendTop = box.y + box.h - entries.lines * LEGEND_LINE + 8;
  return [drawAxes(plot, scale, unit, data), ...drawn, entries.draw(box.x + 4, legendTop)].join("");
}

interface LineDefaults {
  unit: string;
  custom: { stacking: { mode: string }; scaleDistribution: { type: string } };
}

function seriesOf({ panel, range, answers }: PanelData): DrawnSeries[] {
  const named = answers.flatMap(({ target, series }) =>
    series.map(({ labels, points }) => ({ name: nameOf(target, labels), points })),
  );
  return named
    .map(({ name, points }, index) => ({
      name,
      points: points.filter(([, value]) => Number.isFinite(value)),
      color: fixedColor(panel, name) ?? SERIES_COLORS[index % SERIES_COLORS.length]!,
      last: (points.at(-1)?.[0] ?? 0) > range.to - 2 * range.step ? points.at(-1)?.[1] : undefined,
    }))
    .filter(({ points }) => points.length > 0);
}

function fixedColor({ fieldConfig }: DataPanel, name: string): string | undefined {
  const override = fieldConfig.overrides.find(({ matcher }) => {
    const [, pattern = ""] = /^\/(.*)\/$/.exec(matcher.options) ?? [];
    return matcher.id === "byRegexp" && new RegExp(pattern).test(name);
  });
  const color = override?.properties.find(({ id }) => id === "color")?.value as { fixedColor: string } | undefined;
  return color && NAMED_COLORS[color.fixedColor];
}

/** Puts each series onto the sum of those before it. */
function stack(series: readonly DrawnSeries[]): { upper: [number, number][]; lower: [number, number][] }[] {
  const sums = new Map<number, number>();
  return series.map(({ points }) => {
    const lower = points.map(([at]): [number, number] => [at, sums.get(at) ?? 0]);
    for (const [at, value] of points) sums.set(at, (sums.get(at) ?? 0) + value);
    return { lower, upper: points.map(([at]): [number, number] => [at, sums.get(at) ?? 0]) };
  });
}

/** Cuts a series where it has gaps. */
function pieces(points: readonly [number, number][], step: number): [number, number][][] {
  const found: [number, number][][] = [];
  let before = -Infinity;
  for (const point of points) {
    if (point[0] - before > step * 1.5) found.push([]);
    found.at(-1)!.push(point);
    before = point[0];
  }
  return found;
}

function drawAxes(plot: Box, scale: Scale, unit: string, { range }: PanelData): string {
  const rules = scale.ticks.map((tick) => {
    const y = plot.y + plot.h * (1 - scale.place(tick));
    const label = text(plot.x - 6, y + 4, formatValue(Number(tick.toPrecision(6)), unit), {
      anchor: "end",
      color: FAINT,
      size: 10,
    });
    return line(plot.x, y, plot.x + plot.w, y) + label;
  });
  const times = [0, 1, 2, 3].map((part) => {
    const at = range.from + ((range.to - range.from) * (part + 0.5)) / 4;
    const clock = new Date(at * 1000).toISOString().slice(11, 16);
    return text(plot.x + (plot.w * (part + 0.5)) / 4, plot.y + plot.h + 14, clock, {
      anchor: "middle",
      color: FAINT,
      size: 10,
    });
  });
  return [...rules, ...times].join("");
}

/** Spreads a legend over lines; what does not fit is counted. */
function placeLegend(
  series: readonly DrawnSeries[],
  unit: string,
  width: number,
): { lines: number; draw: (x: number, y: number) => string } {
  const placed: { x: number; row: number; label: string; color: string }[] = [];
  let x = 0;
  let row = 0;
  let left = 0;
  for (const { name, color, last } of series) {
    const label = `${name}  ${formatValue(last, unit)}`;
    const w = widthOf(label, 10) + 24;
    if (x > 0 && x + w > width - 8) {
      x = 0;
      row++;
    }
    if (row >= MAX_LEGEND_LINES) left++;
    else placed.push({ x, row, label, color });
    x += w;
  }
  const lines = Math.min(row + 1, MAX_LEGEND_LINES);
  const draw = (left0: number, top: number): string =>
    placed
      .map(({ x, row, label, color }) => {
        const y = top + row * LEGEND_LINE;
        return (
          rectangle({ x: left0 + x, y: y - 4, w: 10, h: 3 }, color) +
          text(left0 + x + 14, y, label, { size: 10, maxWidth: width - 30 })
        );
      })
      .join("") +
    (left > 0
      ? text(left0 + width - 60, top + (lines - 1) * LEGEND_LINE, `+ ${left} more`, { size: 10, color: FAINT })
      : "");
  return { lines, draw };
}
