import { expect, test } from "vitest";
import { toResults } from "./benchmark-results.ts";
import { smallComparison } from "./fixtures.ts";

const RUN = { generation: 2, run: "startup-a-2-x", rounds: 3 };

test("benchmark results: hold every start, its phases, and medians for people", () => {
  const results = toResults(smallComparison(), { ...RUN, finishedAt: "2026-01-02T03:05:00.000Z" });
  expect(results).toMatchObject({
    generation: 2,
    run: "startup-a-2-x",
    finishedAt: "2026-01-02T03:05:00.000Z",
    progress: "3/3",
    summary: "wasm-wake 2.0ms, crun 80ms (40x)",
    probeSeconds: 0.0002,
    missing: [{ contender: "microvm", why: "there is no kernel" }],
  });
  expect(results.contenders[1]).toMatchObject({
    name: "crun",
    samples: 3,
    start: "80ms",
    p50: 0.08,
    min: 0.02,
    ratio: 40,
    pullBytes: 1024,
    seconds: [0.02, 0.08, 0.18],
    phaseSeconds: { run: [0.015, 0.06, 0.135], response: [0.005, 0.02, 0.045] },
  });
});

test("benchmark results: before the first start there are those that take part, without numbers", () => {
  const results = toResults({ ...smallComparison(), samples: [] }, RUN);
  expect(results).toMatchObject({ progress: "0/3", summary: "" });
  expect(results).not.toHaveProperty("finishedAt");
  expect(results.contenders.map(({ name, samples, p50 }) => [name, samples, p50])).toEqual([
    ["wasm-wake", 0, undefined],
    ["crun", 0, undefined],
  ]);
  expect(JSON.stringify(results)).not.toMatch(/null|NaN|Infinity/);
});

test("benchmark results: texts have a bound", () => {
  const missing = [{ contender: "pod", why: "x".repeat(10_000) }];
  expect(toResults({ ...smallComparison(), missing }, RUN).missing[0]!.why).toHaveLength(2000);
});
