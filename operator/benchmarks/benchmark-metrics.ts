import type { Registry } from "prom-client";
import { Gauge } from "prom-client";
import type { BenchmarkResults } from "../../crds/startup-benchmark/types.ts";
import { StartupMetrics, type ContenderLabels } from "../../common/startup-metrics.ts";

/** More benchmarks than these are not told of in metrics: each has up to a thousand series. */
const MAX_BENCHMARKS = 20;

/** Contenders of a benchmark, in all of its runs: whoever may write its status may name as many as they like. */
const MAX_CONTENDERS = 24;

interface Counted {
  run: string;
  /** Starts that were counted, by contender. */
  samples: Map<string, number>;
  labels: Map<string, ContenderLabels>;
}

/**
 * What benchmarks of the cluster found, as metrics. Each start counts once; series are there with 0 before the first start
 * of a run, so that increases are seen from the first one on.
 */
export class BenchmarkMetrics {
  readonly #starts: StartupMetrics;
  readonly #counted = new Map<string, Counted>();
  readonly #omitted = new Set<string>();
  readonly #omittedGauge: Gauge;

  constructor(registry: Registry) {
    this.#starts = new StartupMetrics(registry);
    this.#omittedGauge = new Gauge({
      name: "wasmlet_startup_benchmarks_omitted",
      help: "StartupBenchmarks whose starts are not told of, because there are too many.",
      registers: [registry],
    });
  }

  /** Counts what a benchmark (`namespace/name`) has found since the last call. */
  note(benchmark: string, results: BenchmarkResults | undefined): void {
    if (results === undefined) return;
    const known = this.#counted.get(benchmark);
    if (known === undefined && this.#counted.size >= MAX_BENCHMARKS) {
      this.#omitted.add(benchmark);
      this.#omittedGauge.set(this.#omitted.size);
      return;
    }
    const isSame = known?.run === results.run;
    const counted: Counted = {
      run: results.run,
      samples: isSame ? known.samples : new Map(),
      labels: known?.labels ?? new Map(),
    };
    this.#counted.set(benchmark, counted);
    for (const contender of results.contenders) this.#count(benchmark, counted, contender);
  }

  /** Takes out what was told of a benchmark. */
  forget(benchmark: string): void {
    this.#omitted.delete(benchmark);
    this.#omittedGauge.set(this.#omitted.size);
    for (const labels of this.#counted.get(benchmark)?.labels.values() ?? []) this.#starts.remove(labels);
    this.#counted.delete(benchmark);
  }

  #count(benchmark: string, counted: Counted, contender: BenchmarkResults["contenders"][number]): void {
    const { name, technology, runtime, cache, accelerator, seconds, phaseSeconds, memoryBytes, pullBytes, diskBytes } =
      contender;
    const labels = { benchmark, contender: name, technology, runtime, cache, accelerator };
    const key = JSON.stringify(labels);
    if (!counted.labels.has(key)) {
      if (counted.labels.size >= MAX_CONTENDERS) return;
      this.#starts.begin(labels);
    }
    counted.labels.set(key, labels);
    const from = counted.samples.get(name) ?? 0;
    for (const [index, time] of seconds.entries()) {
      if (index < from) continue;
      const phases = Object.entries(phaseSeconds).flatMap(([phase, times]) => {
        const part = times[index];
        return part === undefined ? [] : [[phase, part] as const];
      });
      this.#starts.observe(labels, time, Object.fromEntries(phases));
    }
    counted.samples.set(name, Math.max(from, seconds.length));
    this.#starts.tell(labels, { memoryBytes, pullBytes, diskBytes });
  }
}
