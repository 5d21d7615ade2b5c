import { expect, test } from "vitest";
import { smallComparison } from "./fixtures.ts";
import { summarizeStarts } from "./summary.ts";

test("summary: ratios are taken within rounds", () => {
  const [wake, crun] = summarizeStarts(smallComparison());
  expect(wake).toMatchObject({ samples: 3, p50: 0.002, min: 0.001, ratio: 1, memoryBytes: 2_097_152 });
  // 20, 40 and 60 times: not the ratio of the medians, which is the same here, nor that of the smallest.
  expect(crun?.ratio).toBeCloseTo(40);
  expect(crun?.p99).toBeCloseTo(0.18);
  expect(crun?.phases["run"]).toBeCloseTo(0.06);
});

test("summary: without the baseline there is no ratio", () => {
  const comparison = smallComparison();
  comparison.samples = comparison.samples.filter(({ contender }) => contender === "crun");
  comparison.contenders.shift();
  expect(summarizeStarts(comparison)[0]?.ratio).toBeUndefined();
});
