import { diff } from "node:util";

const CONTEXT_LINES = 2;
const SIGNS = { 1: "-", 0: " ", [-1]: "+" } as const;

/** Returns what changes from one text to another, line by line with a little context; empty where nothing does. */
export function diffLines(from: string, to: string): string {
  const entries = diff(from.split("\n"), to.split("\n"));
  const changed = entries.flatMap(([operation], index) => (operation === 0 ? [] : [index]));
  const shown = new Set(changed.flatMap((index) => aroundOf(index, entries.length)));
  const lines: string[] = [];
  let last = -2;
  for (const [index, [operation, text]] of entries.entries()) {
    if (!shown.has(index)) continue;
    if (last !== index - 1) lines.push("@@");
    lines.push(`${SIGNS[operation]}${text}`);
    last = index;
  }
  return lines.join("\n");
}

function aroundOf(index: number, length: number): number[] {
  const indices: number[] = [];
  for (let near = Math.max(0, index - CONTEXT_LINES); near <= Math.min(length - 1, index + CONTEXT_LINES); near++)
    indices.push(near);
  return indices;
}
