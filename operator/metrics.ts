import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** From an edit that changes nothing to a reconcile that waits for a slow API server. */
const DURATION_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The operator's metrics (prefix `wasmlet_`, base units). Labels are fixed sets. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly reconciles = this.#histogram("reconcile_duration_seconds", "Time of one reconcile.", ["controller"]);
  readonly reconcileErrors = this.#counter("reconcile_errors_total", "Reconciles that failed and are tried again.", [
    "controller",
    "code",
  ]);
  readonly queueWait = this.#histogram("workqueue_wait_seconds", "Time from a change to its reconcile.", [
    "controller",
  ]);
  readonly writes = this.#counter("writes_total", "Requests that changed something.", ["verb", "resource"]);
  readonly relists = this.#counter("watch_errors_total", "Watches that broke and were begun anew.", ["resource"]);
  readonly #depth = this.#gauge("workqueue_depth", "Objects that wait to be reconciled.", ["controller"]);
  readonly #leader = this.#gauge("leader", "1 where this process leads.", []);
  readonly #synced = this.#gauge("synced", "1 once everything that is watched was read.", []);
  readonly #apps = this.#gauge("apps", "WasmApps by whether they are ready.", ["ready"]);
  readonly #droppedEvents = this.#gauge("events_dropped", "Events that were not written.", []);

  /** Returns the metrics as Prometheus reads them, with what is only known when somebody asks. */
  async text(now: {
    depths: Readonly<Record<string, number>>;
    isLeader: boolean;
    isSynced: boolean;
    readyApps: number;
    otherApps: number;
    droppedEvents: number;
  }): Promise<string> {
    for (const [controller, depth] of Object.entries(now.depths)) this.#depth.set({ controller }, depth);
    this.#leader.set(now.isLeader ? 1 : 0);
    this.#synced.set(now.isSynced ? 1 : 0);
    this.#apps.set({ ready: "true" }, now.readyApps);
    this.#apps.set({ ready: "false" }, now.otherApps);
    this.#droppedEvents.set(now.droppedEvents);
    return this.registry.metrics();
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `wasmlet_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name: `wasmlet_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, labelNames: string[]): Histogram {
    const buckets = DURATION_BUCKETS_SECONDS;
    return new Histogram({ name: `wasmlet_${name}`, help, labelNames, buckets, registers: [this.registry] });
  }
}
