import type { PanelData } from "./panel-data.ts";
import { FAINT, rectangle, text, type Box } from "./svg.ts";
import { formatValue } from "./units.ts";

const AXIS_WIDTH = 58;
const COLUMNS = 40;

/** Draws a histogram's buckets over time: the more samples, the darker. */
export function drawHeatmap({ panel, answers, range }: PanelData, box: Box): string {
  const { unit } = panel.options["yAxis"] as { unit: string };
  const buckets = answers
    .flatMap(({ series }) => series)
    .map(({ labels, points }) => ({
      bound: Number(labels["le"]?.replace("+Inf", "Infinity")),
      points: new Map(points),
    }))
    .sort((a, b) => a.bound - b.bound);
  const times = [...new Set(buckets.flatMap(({ points }) => [...points.keys()]))].sort((a, b) => a - b);
  const chosen = times.filter((_, index) => index % Math.ceil(times.length / COLUMNS) === 0);
  const cells = buckets.map(({ bound, points }, index) => ({
    bound,
    // Buckets of Prometheus hold those below them too.
    counts: chosen.map((at) => (points.get(at) ?? 0) - (buckets[index - 1]?.points.get(at) ?? 0)),
  }));
  const used = cells.flatMap(({ counts }, index) => (counts.some((count) => count > 1e-9) ? [index] : []));
  const rows = cells.slice(Math.min(...used), Math.max(...used) + 1);
  const most = Math.max(...rows.flatMap(({ counts }) => counts));
  const plot = { x: box.x + AXIS_WIDTH, y: box.y + 6, w: box.w - AXIS_WIDTH - 8, h: box.h - 30 };
  const [width, height] = [plot.w / chosen.length, plot.h / rows.length];
  const drawn = rows.map(({ bound, counts }, row) => {
    const y = plot.y + plot.h - (row + 1) * height;
    const label = text(plot.x - 6, y + 4, formatValue(bound, unit), { anchor: "end", size: 10, color: FAINT });
    const filled = counts.flatMap((count, column) => {
      if (count <= 1e-9) return [];
      const opacity = ` fill-opacity="${Math.max(0.08, Math.sqrt(count / most)).toFixed(2)}"`;
      return [rectangle({ x: plot.x + column * width, y: y + 0.5, w: width - 1, h: height - 1 }, "#d9480f", opacity)];
    });
    return (row % Math.ceil(rows.length / 9) === 0 ? label : "") + filled.join("");
  });
  const clocks = [0.125, 0.375, 0.625, 0.875].map((part) => {
    const clock = new Date((range.from + (range.to - range.from) * part) * 1000).toISOString().slice(11, 16);
    return text(plot.x + plot.w * part, plot.y + plot.h + 16, clock, { anchor: "middle", size: 10, color: FAINT });
  });
  return [...drawn, ...clocks].join("");
}
