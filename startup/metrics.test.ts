import { expect, test } from "vitest";
import { smallComparison } from "./fixtures.ts";
import { formatMetrics } from "./metrics.ts";

const CRUN =
  'benchmark="nightly",contender="crun",technology="container",runtime="crun",cache="warm",accelerator="none"';

test("metrics: a histogram of each phase and of the whole, sizes and memory, with one set of labels", async () => {
  const lines = (await formatMetrics(smallComparison(), "nightly")).split("\n");
  expect(lines).toContain(`wasmlet_startup_duration_seconds_bucket{le="0.1",${CRUN},phase="total"} 2`);
  expect(lines).toContain(`wasmlet_startup_duration_seconds_count{${CRUN},phase="total"} 3`);
  expect(lines).toContain(`wasmlet_startup_duration_seconds_count{${CRUN},phase="run"} 3`);
  expect(lines).toContain(`wasmlet_startup_memory_bytes{${CRUN}} 3145728`);
  expect(lines).toContain(`wasmlet_startup_artifact_bytes{${CRUN},kind="disk"} 2048`);
});
