import { formatTable } from "../../cli/table.ts";
import type { Comparison } from "../measure.ts";
import { notesOf, tablesOf, type ReportTable } from "./rows.ts";

/** Returns the report for a terminal; `count` is how many of its tables, from the first one on. */
export function formatReport(comparison: Comparison, count = Number.POSITIVE_INFINITY): string {
  const tables = tablesOf(comparison)
    .slice(0, count)
    .map(({ title, head, rows }) => {
      const upper = head.map((name) => name.toUpperCase());
      return `${title}\n\n${formatTable(upper, rows)}`;
    });
  return [...tables, `${notesOf(comparison).join("\n")}\n`].join("\n");
}

/** Returns the report as Markdown; `tables` is how many of its tables, from the first one on. */
export function formatMarkdown(comparison: Comparison, tables = Number.POSITIVE_INFINITY): string {
  const parts = tablesOf(comparison).slice(0, tables).map(markdownTable);
  return `${[...parts, notesOf(comparison).join("\n")].join("\n\n")}\n`;
}

/** Returns one table as Markdown. */
export function markdownTable({ title, head, rows }: ReportTable): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [`**${title}**`, "", line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
