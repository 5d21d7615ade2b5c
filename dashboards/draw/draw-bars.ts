import type { PanelData } from "./panel-data.ts";
import { linearScale, logScale } from "./scale.ts";
import { FAINT, line, rectangle, SERIES_COLORS, text, widthOf, type Box } from "./svg.ts";
import { formatValue } from "./units.ts";

const NAME_WIDTH = 110;

interface Bar {
  name: string;
  parts: { name: string; value: number }[];
  sum: number;
}

/** Draws horizontal bars, each with its value, or each of several parts with a legend. */
export function drawBars(data: PanelData, box: Box): string {
  const { panel } = data;
  const { unit, custom } = panel.fieldConfig.defaults as {
    unit: string;
    custom: { scaleDistribution: { type: string } };
  };
  const bars = barsOf(data);
  const parts = [...new Set(bars.flatMap((bar) => bar.parts.map(({ name }) => name)))];
  const isStacked = parts.length > 1;
  const colors = new Map(parts.map((part, index) => [part, SERIES_COLORS[index % SERIES_COLORS.length]!]));
  const values = bars.map(({ sum }) => sum);
  const scale = custom.scaleDistribution.type === "log" ? logScale(values) : linearScale(values);
  const legendLines = isStacked ? 2 : 0;
  const plot = { x: box.x + NAME_WIDTH, y: box.y + 4, w: box.w - NAME_WIDTH - 60, h: box.h - 22 - legendLines * 14 };
  const height = plot.h / Math.max(bars.length, 1);
  const axis = scale.ticks.map((tick) => {
    const x = plot.x + plot.w * scale.place(tick);
    return (
      line(x, plot.y, x, plot.y + plot.h) +
      text(x, plot.y + plot.h + 14, formatValue(Number(tick.toPrecision(6)), unit), {
        anchor: "middle",
        size: 10,
        color: FAINT,
      })
    );
  });
  const drawn = bars.map(({ name, parts: own, sum }, index) => {
    const y = plot.y + index * height + height * 0.15;
    let from = 0;
    const pieces = own.map((part) => {
      const [x1, x2] = [from, from + part.value].map(
        (value) => plot.x + plot.w * (value === 0 ? 0 : scale.place(value)),
      );
      from += part.value;
      return rectangle({ x: x1!, y, w: x2! - x1!, h: height * 0.7 }, colors.get(part.name)!);
    });
    const middle = y + height * 0.35 + 4;
    const end = plot.x + plot.w * scale.place(sum);
    return [
      text(plot.x - 8, middle, name, { anchor: "end", maxWidth: NAME_WIDTH - 8 }),
      ...pieces,
      isStacked ? "" : text(end + 6, middle, formatValue(sum, unit), { weight: "bold" }),
    ].join("");
  });
  return [...axis, ...drawn, isStacked ? drawLegend(colors, box) : ""].join("");
}

function barsOf({ panel, answers }: PanelData): Bar[] {
  const [by = "", stackBy] = String(panel.options["xField"]).split("\\");
  const bars = new Map<string, Bar>();
  for (const { labels, value } of answers.flatMap(({ samples }) => samples)) {
    if (!Number.isFinite(value)) continue;
    const name = labels[by] ?? "";
    const bar = bars.get(name) ?? { name, parts: [], sum: 0 };
    bar.parts.push({ name: stackBy === undefined ? "" : (labels[stackBy] ?? ""), value });
    bar.sum += value;
    bars.set(name, bar);
  }
  return [...bars.values()].sort((a, b) => a.sum - b.sum);
}

function drawLegend(colors: ReadonlyMap<string, string>, box: Box): string {
  let x = 0;
  let row = 0;
  const entries = [...colors].map(([name, color]) => {
    const w = widthOf(name, 10) + 22;
    if (x + w > box.w) {
      x = 0;
      row++;
    }
    const y = box.y + box.h - 16 + row * 14;
    const entry =
      rectangle({ x: box.x + x, y: y - 7, w: 8, h: 8 }, color) + text(box.x + x + 12, y, name, { size: 10 });
    x += w;
    return entry;
  });
  return entries.join("");
}
