import type { Timing } from "../../common/timing.ts";
import type { KubeClient } from "../../kube/client.ts";
import { holds } from "../apps/writes.ts";
import { OURS, RUNTIME_LABEL } from "../cluster-state.ts";
import type { WasmRuntime } from "../objects.ts";
import type { OperatorLog } from "../operator-api.ts";
import { OptionalWatch } from "../optional-watch.ts";
import type { Writer } from "../writer.ts";
import { buildPodMonitor, POD_MONITORS, type PodMonitor, type PodMonitorSettings } from "./resources.ts";

/** What the PodMonitors of pools are kept with. */
export interface PodMonitorsContext {
  client: Pick<KubeClient, "list" | "watch">;
  writer: Writer;
  log: OperatorLog;
  timing: Timing;
  /** Wasmlet's own, where they are. */
  namespace: string;
  settings: PodMonitorSettings;
  /** Is told of a pool to look at again; of all of them without a name. */
  onChange: (runtimeName?: string) => void;
}

/** The PodMonitors of pools, in clusters where the Prometheus Operator is installed, now or later. */
export class PodMonitors {
  readonly #context: PodMonitorsContext;
  readonly #watch: OptionalWatch<PodMonitor>;

  constructor(context: PodMonitorsContext) {
    const { client, namespace, timing, log, onChange } = context;
    this.#context = context;
    this.#watch = new OptionalWatch({
      client,
      resource: POD_MONITORS,
      namespace,
      labelSelector: OURS,
      timing,
      onError: (thrown, retryAfterMs) =>
        log.warn("the watch of podmonitors broke", { error: String(thrown), retryAfterMs: Math.round(retryAfterMs) }),
    });
    this.#watch.onAbsenceChange(() => onChange());
    this.#watch.store.onChange((before, after) => onChange((after ?? before)!.metadata.labels?.[RUNTIME_LABEL]));
  }

  start(): void {
    this.#watch.start();
    void this.#watch.whenKnown().then(() => this.#context.onChange());
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  /** Makes the PodMonitor of a pool what it is to be; does nothing while the cluster has no such kind. */
  async keep(runtime: WasmRuntime, signal: AbortSignal): Promise<void> {
    const { namespace, settings, writer } = this.#context;
    if (!this.#watch.isKnown || this.#watch.absence !== undefined) return;
    if (runtime.metadata.deletionTimestamp !== undefined) return;
    const desired = buildPodMonitor(runtime, namespace, settings);
    const observed = this.#watch.store.get(desired.metadata);
    if (observed !== undefined && holds(observed, desired)) return;
    // Where the kind went a moment ago this fails, and is tried again until the watch says so.
    await writer.send([[{ kind: "apply", resource: POD_MONITORS, object: desired }]], signal);
  }
}
