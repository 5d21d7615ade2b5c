import { fileURLToPath } from "node:url";
import { LineChild } from "../line-child.ts";
import type { Load, LoadResult } from "./load-run.ts";

const CHILD = fileURLToPath(new URL("load-child.ts", import.meta.url));

/** A process that generates load, one after another. */
export class LoadGenerator {
  readonly #child = new LineChild(process.execPath, [CHILD]);

  /** Resolves to what came of the load. */
  async apply(load: Load): Promise<LoadResult> {
    return (await this.#child.ask(JSON.stringify(load))) as LoadResult;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

/** Returns how many requests a load had, whatever became of them. */
export function totalOf({ counts }: LoadResult): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Returns how many of them were answered with 200 in time. */
export function goodOf({ counts }: LoadResult): number {
  return counts["200"] ?? 0;
}

/** Returns the counts of several loads together. */
export function sumCounts(results: readonly LoadResult[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { counts } of results) {
    for (const [outcome, count] of Object.entries(counts)) sums[outcome] = (sums[outcome] ?? 0) + count;
  }
  return sums;
}
