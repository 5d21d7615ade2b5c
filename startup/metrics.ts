import { Gauge, Histogram, Registry } from "prom-client";
import { STARTUP_BUCKETS_SECONDS } from "../common/startup-buckets.ts";
import type { Comparison } from "./measure.ts";

/* A comparison as Prometheus metrics: beside those of apps, which have no label `benchmark`. */

const CONTENDER = ["benchmark", "contender", "technology", "runtime", "cache", "accelerator"] as const;

/** The phase that stands for all of a start. */
const TOTAL = "total";

/** Returns a comparison in Prometheus' text format; `benchmark` names it. */
export function formatMetrics(comparison: Comparison, benchmark: string): Promise<string> {
  const registers = [new Registry()];
  const starts = new Histogram({
    name: "wasmlet_startup_duration_seconds",
    help: "From the request for a start to the first response, by phase.",
    labelNames: [...CONTENDER, "phase"],
    buckets: STARTUP_BUCKETS_SECONDS,
    registers,
  });
  const memory = new Gauge({
    name: "wasmlet_startup_memory_bytes",
    help: "Bytes of memory that are there because the latest start was asked for.",
    labelNames: CONTENDER,
    registers,
  });
  const artifact = new Gauge({
    name: "wasmlet_startup_artifact_bytes",
    help: "Bytes that are pulled for a start, and that are kept on disk.",
    labelNames: [...CONTENDER, "kind"],
    registers,
  });
  for (const { name, technology, runtime, cache, accelerator, pullBytes, diskBytes } of comparison.contenders) {
    const labels = { benchmark, contender: name, technology, runtime, cache, accelerator };
    if (pullBytes !== null) artifact.set({ ...labels, kind: "pull" }, pullBytes);
    if (diskBytes !== null) artifact.set({ ...labels, kind: "disk" }, diskBytes);
    for (const { seconds, phases, memoryBytes } of comparison.samples.filter(({ contender }) => contender === name)) {
      starts.observe({ ...labels, phase: TOTAL }, seconds);
      for (const [phase, part] of Object.entries(phases)) starts.observe({ ...labels, phase }, part);
      if (memoryBytes !== null) memory.set(labels, memoryBytes);
    }
  }
  return registers[0]!.metrics();
}
