import Table from "cli-table3";
import { printable } from "./output.ts";

const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "   ",
} as const;

/** Returns a table as kubectl prints one: no borders, columns three spaces apart, `-` for what is empty. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const style = { "padding-left": 0, "padding-right": 0, head: [], border: [] };
  const table = new Table({ chars: NO_BORDERS, style });
  for (const row of [head, ...rows]) table.push(row.map((cell) => (cell === "" ? "-" : printable(cell))));
  const lines = table.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}
