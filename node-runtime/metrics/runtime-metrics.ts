import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { STARTUP_BUCKETS_SECONDS } from "../../common/startup-buckets.ts";
import type { AppStats } from "../cell/protocol.ts";

/** Whom a series is about. */
interface AppLabels {
  namespace: string;
  name: string;
}

/** From what a spare takes to what a crash loop does. */
const REPLACEMENT_BUCKETS_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** The longest reason that is a label; a reason may quote what a component imports. */
const MAX_REASON_LENGTH = 120;

/** The node runtime's metrics (prefix `wasmlet_`, base units). Labels are bounded: apps on this node and fixed sets. */
export class RuntimeMetrics {
  readonly registry = new Registry();
  readonly #requests = this.#counter("requests_total", "Requests answered.", ["code", "start"]);
  readonly #durations = this.#histogram("request_duration_seconds", "Request in to response out.", ["start"]);
  readonly #starts = this.#histogram(
    "startup_duration_seconds",
    "From the request for a start to the first response, by phase.",
    ["technology", "runtime", "start", "phase"],
  );
  readonly #instances = this.#gauge("instances", "Live instances.");
  readonly #engines = this.#gauge("app_engine_info", "1, labelled with the engine that binds the app, and why.", [
    "engine",
    "reason",
  ]);
  readonly #memory = this.#gauge("app_memory_bytes", "Linear memory of live instances.");
  readonly #standby = this.#gauge(
    "app_standby_memory_bytes",
    "Linear memory of instances that were used and stand by to be made pristine.",
  );
  readonly #cpu = this.#counter(
    "app_cpu_seconds_total",
    "Seconds that an app's guests had their process's thread, host calls included and waits not.",
    [],
  );
  readonly #limitHits = this.#counter("limit_hits_total", "Times a limit stopped something.", ["limit"]);
  readonly #egressDenied = this.#counter("egress_denied_total", "Outgoing connections refused.", []);
  readonly #logDropped = this.#counter(
    "log_lines_dropped_total",
    "Lines that a guest printed faster than may be logged.",
    [],
  );
  readonly #prepare = this.#histogram(
    "prepare_duration_seconds",
    "Compiling an artifact; near 0 when it was prepared before.",
    [],
  );
  readonly #pull = this.#histogram("artifact_pull_duration_seconds", "Fetching and hashing an artifact.", []);
  readonly cacheBytes = new Gauge({
    name: "wasmlet_artifact_cache_bytes",
    help: "Artifacts on disk, as they came and as prepared.",
    registers: [this.registry],
  });
  readonly cacheEvictions = new Counter({
    name: "wasmlet_artifact_cache_evictions_total",
    help: "Entries removed because the cache was full.",
    registers: [this.registry],
  });
  readonly cells = new Gauge({ name: "wasmlet_cells", help: "Live cell processes.", registers: [this.registry] });
  readonly cellRestarts = new Counter({
    name: "wasmlet_cell_restarts_total",
    help: "Cells that died unasked and were replaced.",
    registers: [this.registry],
  });
  readonly spareCells = new Gauge({
    name: "wasmlet_spare_cells",
    help: "Cell processes that are ready and belong to nobody yet.",
    registers: [this.registry],
  });
  readonly cellsTaken = new Counter({
    name: "wasmlet_cells_taken_total",
    help: "Cells that groups of apps were given, from those that stood by or new.",
    labelNames: ["from"],
    registers: [this.registry],
  });
  readonly cellReplacement = new Histogram({
    name: "wasmlet_cell_replacement_seconds",
    help: "From a cell's death until its replacement has all apps.",
    buckets: REPLACEMENT_BUCKETS_SECONDS,
    registers: [this.registry],
  });
  readonly cellsEnded = this.#counter("app_cells_ended_total", "Cells that died of the app that had their thread.", []);
  readonly quarantines = this.#counter("app_quarantines_total", "Times an app was taken out of its cells.", []);
  /** Per app and cell: gauges are summed over cells. */
  readonly #gauges = new Map<
    string,
    Map<string | number, Pick<AppStats, "instances" | "memoryBytes" | "standbyBytes">>
  >();

  /** Each app has one engine at a time. */
  readonly #engineLabels = new Map<string, Record<string, string>>();

  /** Adds what one cell reports about one app. */
  observe({ namespace, name }: AppLabels, cell: string | number, stats: AppStats): void {
    const labels = { namespace, app: name };
    for (const { code, start, count, seconds } of stats.requests) {
      this.#requests.inc({ ...labels, code, start }, count);
      for (const value of seconds) this.#durations.observe({ ...labels, start }, value);
    }
    for (const { start, phases } of stats.starts) this.observeStart({ namespace, name }, start, phases);
    for (const [limit, count] of Object.entries(stats.limitHits)) this.#limitHits.inc({ ...labels, limit }, count);
    this.#cpu.inc(labels, stats.cpuSeconds);
    this.#egressDenied.inc(labels, stats.egressDenied);
    this.#logDropped.inc(labels, stats.logDropped);
    const id = `${namespace}/${name}`;
    const byCell = this.#gauges.get(id) ?? new Map();
    this.#gauges.set(id, byCell.set(cell, stats));
    const cells = [...byCell.values()];
    this.#instances.set(labels, sum(cells.map(({ instances }) => instances)));
    this.#memory.set(labels, sum(cells.map(({ memoryBytes }) => memoryBytes)));
    this.#standby.set(labels, sum(cells.map(({ standbyBytes }) => standbyBytes)));
  }

  /** Adds the phases of one start. */
  observeStart({ namespace, name }: AppLabels, start: "cold" | "warm", phases: Record<string, number>): void {
    for (const [phase, seconds] of Object.entries(phases)) {
      this.#starts.observe({ namespace, app: name, technology: "wasm", runtime: "v8", start, phase }, seconds);
    }
  }

  /** Adds what it took to bring an artifact here. */
  observePreparation({ namespace, name }: AppLabels, phases: { fetch: number; verify: number; prepare: number }): void {
    const labels = { namespace, app: name };
    this.#pull.observe(labels, phases.fetch + phases.verify);
    this.#prepare.observe(labels, phases.prepare);
    this.observeStart({ namespace, name }, "cold", phases);
  }

  /** Notes which engine binds an app now, and why when it is not the fastest. */
  observeEngine({ namespace, name }: AppLabels, engine: string, reason = ""): void {
    const key = `${namespace}/${name}`;
    const labels = { namespace, app: name, engine, reason: reason.slice(0, MAX_REASON_LENGTH) };
    const before = this.#engineLabels.get(key);
    if (before !== undefined) this.#engines.remove(before);
    this.#engineLabels.set(key, labels);
    this.#engines.set(labels, 1);
  }

  /** Takes away every series of an app that is gone. */
  async forget({ namespace, name }: AppLabels): Promise<void> {
    this.#gauges.delete(`${namespace}/${name}`);
    this.#engineLabels.delete(`${namespace}/${name}`);
    for (const metric of this.registry.getMetricsAsArray() as unknown as (Counter | Gauge | Histogram)[]) {
      // prom-client removes by exact labels only: so each series of the app is named, without its bucket.
      for (const { labels } of (await metric.get()).values) {
        const { le: _bucket, ...own } = labels as Record<string, string>;
        if (own["namespace"] === namespace && own["app"] === name) metric.remove(own);
      }
    }
  }

  #counter(name: string, help: string, labels: string[]): Counter {
    return new Counter({
      name: `wasmlet_${name}`,
      help,
      labelNames: ["namespace", "app", ...labels],
      registers: [this.registry],
    });
  }

  #gauge(name: string, help: string, labels: string[] = []): Gauge {
    return new Gauge({
      name: `wasmlet_${name}`,
      help,
      labelNames: ["namespace", "app", ...labels],
      registers: [this.registry],
    });
  }

  #histogram(name: string, help: string, labels: string[]): Histogram {
    return new Histogram({
      name: `wasmlet_${name}`,
      help,
      labelNames: ["namespace", "app", ...labels],
      buckets: STARTUP_BUCKETS_SECONDS,
      registers: [this.registry],
    });
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
