import { Registry } from "prom-client";
import { StartupMetrics, type ContenderLabels } from "../common/startup-metrics.ts";
import type { Contender } from "./driver.ts";
import type { Comparison } from "./measure.ts";

/** Returns a comparison in Prometheus' text format; `benchmark` names it. */
export function formatMetrics(comparison: Comparison, benchmark: string): Promise<string> {
  const registry = new Registry();
  const metrics = new StartupMetrics(registry);
  for (const contender of comparison.contenders) {
    const labels = labelsOf(contender, benchmark);
    metrics.tell(labels, contender);
    for (const { seconds, phases, memoryBytes } of comparison.samples.filter(
      (sample) => sample.contender === contender.name,
    )) {
      metrics.observe(labels, seconds, phases);
      metrics.tell(labels, { memoryBytes });
    }
  }
  return registry.metrics();
}

function labelsOf({ name, technology, runtime, cache, accelerator }: Contender, benchmark: string): ContenderLabels {
  return { benchmark, contender: name, technology, runtime, cache, accelerator };
}
