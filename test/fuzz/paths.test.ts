import { expect, test } from "vitest";
import { fuzzPaths } from "./paths.ts";

const OPERATIONS = 100_000;

test("contract: guests that share a volume do not get out of it, whatever is renamed and linked under their feet", async () => {
  const { signal } = new AbortController();
  const report = await fuzzPaths({ runs: OPERATIONS, seed: 0, processes: 1, signal, onProgress: () => {} });
  expect(report.failures).toEqual([]);
  expect(report.operations).toBe(OPERATIONS);
  // Each did something, and met what it may not follow.
  for (const operation of ["open", "stat", "rename", "mkdir", "link", "symlink", "unlink"]) {
    expect(report.outcomes[`${operation} done`]).toBeGreaterThan(0);
    expect(report.outcomes[`${operation} not-permitted`]).toBeGreaterThan(0);
  }
});
