import type { DataPanel } from "../grafana.ts";
import type { PanelData } from "./panel-data.ts";
import { FAINT, line, text, type Box } from "./svg.ts";
import { formatValue } from "./units.ts";

const LINE_HEIGHT = 22;

interface Table {
  titles: string[];
  rows: { words: string[]; values: (number | string)[] }[];
}

/** Draws a table: a row for each set of labels, a column for each label and each query. */
export function drawTable(data: PanelData, box: Box): string {
  const { titles, rows } = tableOf(data);
  const widths = titles.map(
    (title, column) => Math.max(title.length, ...rows.map(({ words }) => words[column]?.length ?? 0)) + 2,
  );
  const all = widths.reduce((sum, width) => sum + width, 0);
  const starts = widths.map(
    (_, column) => box.x + 4 + (box.w * widths.slice(0, column).reduce((sum, width) => sum + width, 0)) / all,
  );
  const fitting = Math.floor(box.h / LINE_HEIGHT) - 1;
  const cell = (row: number, column: number, words: string, isTitle = false): string =>
    text(starts[column]!, box.y + 14 + row * LINE_HEIGHT, words, {
      ...(isTitle && { color: FAINT, weight: "bold" }),
      maxWidth: (box.w * widths[column]!) / all,
    });
  const shown = rows.slice(0, fitting);
  return [
    ...titles.map((title, column) => cell(0, column, title, true)),
    ...shown.flatMap(({ words }, row) => [
      line(box.x, box.y + LINE_HEIGHT * (row + 1) - 1, box.x + box.w, box.y + LINE_HEIGHT * (row + 1) - 1),
      ...words.map((word, column) => cell(row + 1, column, word)),
    ]),
    rows.length > shown.length
      ? text(box.x + box.w, box.y + 14, `${rows.length - shown.length} more rows`, {
          anchor: "end",
          size: 10,
          color: FAINT,
        })
      : "",
  ].join("");
}

function tableOf({ panel, answers }: PanelData): Table {
  const names = renamed(panel);
  const labels = Object.keys(names).filter((name) => !name.startsWith("Value"));
  const columns = Object.entries(names).filter(([name]) => name.startsWith("Value"));
  const units = columns.map(([, title]) => unitOf(panel, title));
  const rows = new Map<string, { labels: string[]; values: (number | undefined)[] }>();
  for (const [column, { samples }] of answers.entries()) {
    for (const sample of samples) {
      const own = labels.map((label) => sample.labels[label] ?? "");
      const row = rows.get(own.join("\0")) ?? { labels: own, values: columns.map(() => undefined) };
      row.values[column] = sample.value;
      rows.set(own.join("\0"), row);
    }
  }
  const titles = [...labels, ...columns.map(([name]) => name)].map((name) => names[name] ?? name);
  const table = [...rows.values()].map(({ labels: own, values }) => ({
    values: [...own, ...values.map((value) => value ?? Number.NaN)],
    words: [
      ...own,
      ...values.map((value, column) => formatValue(value, units[column]?.unit ?? "short", units[column]?.decimals)),
    ],
  }));
  return { titles, rows: sorted(table, panel, titles) };
}

function renamed({ transformations = [] }: DataPanel): Record<string, string> {
  const organize = transformations.find(({ id }) => id === "organize");
  return (organize?.options["renameByName"] ?? {}) as Record<string, string>;
}

function unitOf({ fieldConfig }: DataPanel, title: string): { unit: string; decimals?: number } {
  const override = fieldConfig.overrides.find(({ matcher }) => matcher.options === title);
  return Object.fromEntries((override?.properties ?? []).map(({ id, value }) => [id, value])) as { unit: string };
}

function sorted(rows: Table["rows"], { options }: DataPanel, titles: readonly string[]): Table["rows"] {
  const [sort] = options["sortBy"] as { displayName: string; desc: boolean }[];
  if (sort === undefined) return rows;
  const column = titles.indexOf(sort.displayName);
  const sign = sort.desc ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [left, right] = [a.values[column]!, b.values[column]!];
    if (typeof left === "string") return sign * left.localeCompare(String(right));
    return Number.isNaN(left) ? 1 : Number.isNaN(right) ? -1 : sign * (left - Number(right));
  });
}
