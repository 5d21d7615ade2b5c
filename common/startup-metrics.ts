import { Gauge, Histogram, type Registry } from "prom-client";
import { STARTUP_BUCKETS_SECONDS } from "./startup-buckets.ts";

/* Comparisons of starts as Prometheus metrics: beside those of apps, which have no label `benchmark`. */

const CONTENDER = ["benchmark", "contender", "technology", "runtime", "cache", "accelerator"] as const;

/** The phase that stands for all of a start. */
const TOTAL = "total";
/** Phases of one contender that are told of: whoever may write a status may name as many as they like. */
const MAX_PHASES = 16;

/** What series of one contender of a benchmark carry. */
export type ContenderLabels = Record<(typeof CONTENDER)[number], string>;

/** Bytes that are told of a contender, where they are known. */
export interface ToldBytes {
  memoryBytes?: number | null | undefined;
  pullBytes?: number | null | undefined;
  diskBytes?: number | null | undefined;
}

/** The metrics of comparisons, in a registry. */
export class StartupMetrics {
  readonly #starts: Histogram;
  readonly #memory: Gauge;
  readonly #artifact: Gauge;
  /** Phases that were told of, by contender: to take them out again. */
  readonly #phases = new Map<string, Set<string>>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#starts = new Histogram({
      name: "wasmlet_startup_duration_seconds",
      help: "From the request for a start to the first response, by phase.",
      labelNames: [...CONTENDER, "phase"],
      buckets: STARTUP_BUCKETS_SECONDS,
      registers,
    });
    this.#memory = new Gauge({
      name: "wasmlet_startup_memory_bytes",
      help: "Bytes of memory that are there because the latest start was asked for.",
      labelNames: CONTENDER,
      registers,
    });
    this.#artifact = new Gauge({
      name: "wasmlet_startup_artifact_bytes",
      help: "Bytes that are pulled for a start, and that are kept on disk.",
      labelNames: [...CONTENDER, "kind"],
      registers,
    });
  }

  /** Tells of a contender before its first start. */
  begin(labels: ContenderLabels): void {
    this.#starts.zero({ ...labels, phase: TOTAL });
  }

  /** Counts a start. */
  observe(labels: ContenderLabels, seconds: number, phases: Readonly<Record<string, number>>): void {
    this.#starts.observe({ ...labels, phase: TOTAL }, seconds);
    const key = JSON.stringify(labels);
    const known = this.#phases.get(key) ?? new Set();
    this.#phases.set(key, known);
    for (const [phase, part] of Object.entries(phases)) {
      if (!known.has(phase) && known.size >= MAX_PHASES) continue;
      known.add(phase);
      this.#starts.observe({ ...labels, phase }, part);
    }
  }

  tell(labels: ContenderLabels, { memoryBytes, pullBytes, diskBytes }: ToldBytes): void {
    if (memoryBytes !== null && memoryBytes !== undefined) this.#memory.set(labels, memoryBytes);
    if (pullBytes !== null && pullBytes !== undefined) this.#artifact.set({ ...labels, kind: "pull" }, pullBytes);
    if (diskBytes !== null && diskBytes !== undefined) this.#artifact.set({ ...labels, kind: "disk" }, diskBytes);
  }

  /** Takes out all series of a contender. */
  remove(labels: ContenderLabels): void {
    const key = JSON.stringify(labels);
    for (const phase of [TOTAL, ...(this.#phases.get(key) ?? [])]) this.#starts.remove({ ...labels, phase });
    this.#phases.delete(key);
    this.#memory.remove(labels);
    for (const kind of ["pull", "disk"]) this.#artifact.remove({ ...labels, kind });
  }
}
