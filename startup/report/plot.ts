import { formatSeconds } from "../../cli/output.ts";
import { percentile } from "../../common/statistics.ts";
import type { Technology } from "../driver.ts";
import type { Comparison } from "../measure.ts";
import { summarizeStarts, type ContenderSummary } from "../summary.ts";

/* A plot of every sample on a logarithmic axis, as SVG; readable on a bright and on a dark page. */

const WIDTH = 820;
const LEFT = 120;
const RIGHT = 90;
const TOP = 40;
const ROW = 34;
const BOTTOM = 40;
const COLOURS: Readonly<Record<Technology, string>> = {
  wasm: "#7c5cff",
  process: "#8a8f98",
  container: "#1b8fdb",
  vm: "#e0762f",
};

/** Returns the plot: a line per contender, a dot per start, a mark at the median. */
export function plotStarts(comparison: Comparison): string {
  const rows = summarizeStarts(comparison);
  const times = comparison.samples.map(({ seconds }) => seconds);
  const first = Math.floor(Math.log10(percentile(times, 0)));
  const last = Math.ceil(Math.log10(percentile(times, 1)));
  const x = (seconds: number): number =>
    round(LEFT + ((Math.log10(seconds) - first) / (last - first)) * (WIDTH - LEFT - RIGHT));
  const height = TOP + rows.length * ROW + BOTTOM;
  const bottom = height - BOTTOM + 4;
  const decades = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  const axis = decades.flatMap((seconds) => [
    `<line x1="${x(seconds)}" x2="${x(seconds)}" y1="${TOP - 8}" y2="${bottom}" stroke="#8a8f98" stroke-opacity=".35"/>`,
    text(x(seconds), bottom + 18, formatSeconds(seconds), 'text-anchor="middle" fill="#8a8f98"'),
  ]);
  const lines = rows.map((row, index) => {
    const own = comparison.samples.filter(({ contender }) => contender === row.name).map(({ seconds }) => seconds);
    return plotRow(row, own, x, TOP + index * ROW + ROW / 2);
  });
  const title = "From the request for a start to the first answer: every start, and the median (logarithmic)";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${title}">`,
    text(LEFT, 20, title, 'fill="#8a8f98"'),
    ...axis,
    ...lines,
    "</svg>\n",
  ].join("\n");
}

function plotRow(
  { name, technology, p50 }: ContenderSummary,
  own: number[],
  x: (seconds: number) => number,
  y: number,
): string {
  const colour = COLOURS[technology];
  const dots = own.map((seconds) => `<circle cx="${x(seconds)}" cy="${y}" r="4" fill="${colour}" fill-opacity=".3"/>`);
  const median = `<line x1="${x(p50)}" x2="${x(p50)}" y1="${y - 10}" y2="${y + 10}" stroke="${colour}" stroke-width="3"/>`;
  const label = text(LEFT - 12, y + 4, name, 'text-anchor="end" fill="#8a8f98"');
  const time = text(x(percentile(own, 1)) + 10, y + 4, formatSeconds(p50), `fill="${colour}"`);
  return [label, dots.join("\n"), median, time].join("\n");
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${content}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
