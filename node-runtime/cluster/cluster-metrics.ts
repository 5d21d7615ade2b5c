import { Counter, Gauge, type Registry } from "prom-client";
import { APP_STATES, type AppState } from "../runtime-api.ts";

/** How a write of a status ended. */
export type WriteResult = "written" | "conflict" | "gone" | "error";

/** What a node runtime on a cluster counts beside the apps. */
export class ClusterMetrics {
  readonly #connected: Gauge;
  readonly #writes: Counter;
  readonly #watchRestarts: Counter;
  readonly #reads: Counter;

  /** `states` returns the state of every app, when somebody asks. */
  constructor(registry: Registry, states: () => Iterable<AppState>) {
    const registers = [registry];
    this.#connected = new Gauge({
      name: "wasmlet_kube_connected",
      help: "1 while the API server answers.",
      registers,
    });
    this.#writes = new Counter({
      name: "wasmlet_replica_status_writes_total",
      help: "Writes of the status of replicas.",
      labelNames: ["result"],
      registers,
    });
    this.#watchRestarts = new Counter({
      name: "wasmlet_kube_watch_restarts_total",
      help: "Times that the watch of replicas failed and began anew.",
      registers,
    });
    this.#reads = new Counter({
      name: "wasmlet_reference_reads_total",
      help: "ConfigMaps and Secrets read for apps.",
      labelNames: ["result"],
      registers,
    });
    const replicas: Gauge = new Gauge({
      name: "wasmlet_replicas",
      help: "Apps of this node by state.",
      labelNames: ["state"],
      registers,
      collect: () => {
        const counts = new Map<AppState, number>(APP_STATES.map((state) => [state, 0]));
        for (const state of states()) counts.set(state, (counts.get(state) ?? 0) + 1);
        for (const [state, count] of counts) replicas.set({ state }, count);
      },
    });
  }

  connected(isConnected: boolean): void {
    this.#connected.set(isConnected ? 1 : 0);
  }

  wrote(result: WriteResult): void {
    this.#writes.inc({ result });
  }

  watchRestarted(): void {
    this.#watchRestarts.inc();
  }

  readReference(result: "found" | "missing" | "error"): void {
    this.#reads.inc({ result });
  }
}
