import type { Timing } from "../../common/timing.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Node } from "../../kube/resources.ts";
import { CLUSTER_ROLE_BINDINGS, NETWORK_POLICIES, ROLE_BINDINGS } from "../../kube/resources.ts";
import type { WorkQueue } from "../../kube/work-queue.ts";
import { RUNTIME_LABEL, runtimeNameOf, type ClusterState } from "../cluster-state.ts";
import { createQueue } from "../controller.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { OperatorLog } from "../operator-api.ts";
import type { Writer } from "../writer.ts";
import { planRuntime } from "./plan-runtime.ts";
import { PodMonitors } from "./pod-monitors.ts";
import { runtimeObjectName, type PodSettings } from "./resources.ts";

/** What the controller of pools works with. */
export interface RuntimeControllerContext {
  client: Pick<KubeClient, "get" | "list" | "watch">;
  state: ClusterState;
  writer: Writer;
  settings: PodSettings;
  metrics: OperatorMetrics;
  log: OperatorLog;
  timing: Timing;
}

/** Counts in a status are brought up to date this long after the last change: apps come in crowds. */
const SETTLE_MS = 1000;

/** Keeps the DaemonSet and the accounts of every WasmRuntime as they should be. */
export class RuntimeController {
  readonly #context: RuntimeControllerContext;
  readonly #queue: WorkQueue;
  readonly #podMonitors: PodMonitors | undefined;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(context: RuntimeControllerContext) {
    this.#context = context;
    const { metrics, log, timing, settings } = context;
    this.#queue = createQueue({
      name: "wasmruntime",
      concurrency: 2,
      reconcile: (key, signal) => this.#reconcile(key, signal),
      metrics,
      log,
      timing,
    });
    if (settings.podMonitors === undefined) return;
    this.#podMonitors = new PodMonitors({
      ...context,
      namespace: settings.namespace,
      settings: settings.podMonitors,
      onChange: (name) => (name === undefined ? this.resync() : this.#queue.add(name)),
    });
  }

  get depth(): number {
    return this.#queue.depth;
  }

  start(): void {
    const { runtimes, daemonSets, pods, replicas, apps, accounts } = this.#context.state;
    const addOwner = (labels: Record<string, string> | undefined): void => {
      const name = labels?.[RUNTIME_LABEL];
      if (name !== undefined && !this.#context.writer.isNoting) this.#queue.add(name);
    };
    this.#unsubscribe.push(
      runtimes.onChange((_before, after) => {
        if (after !== undefined && !this.#context.writer.isNoting) this.#queue.add(after.metadata.name);
      }),
      daemonSets.onChange((before, after) => addOwner((after ?? before)!.metadata.labels)),
      accounts.onChange((before, after) => {
        if (after === undefined) addOwner(before?.metadata.labels);
      }),
      pods.onChange((before, after) => addOwner((after ?? before)!.metadata.labels)),
      replicas.onChange((before, after) => {
        if (before === undefined || after === undefined) this.#soon((after ?? before)!.spec.runtimeName);
      }),
      apps.onChange((before, after) => {
        if (before === undefined || after === undefined) this.#soon(runtimeNameOf((after ?? before)!));
      }),
    );
    this.#podMonitors?.start();
    this.resync();
  }

  /** Looks at every pool again. */
  resync(): void {
    for (const key of this.#context.state.runtimes.keys()) this.#queue.add(key);
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await Promise.all([this.#podMonitors?.stop(), this.#queue.stop()]);
  }

  #soon(name: string): void {
    if (this.#context.state.runtimes.get(name) !== undefined) this.#queue.addAfter(name, SETTLE_MS);
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<void> {
    const { client, state, settings, timing, writer } = this.#context;
    const runtime = state.runtimes.get(name);
    if (runtime === undefined) return;
    const { namespace } = settings;
    const ref = { namespace, name: runtimeObjectName(runtime) };
    const pods = [...state.pods.values()].filter(({ metadata }) => metadata.labels?.[RUNTIME_LABEL] === name);
    const names = new Set(pods.map(({ spec }) => spec?.nodeName));
    // Few objects that nobody else changes are read when they are needed: watching them cluster-wide costs more.
    const [clusterRoleBinding, tokenRoleBinding, networkPolicy] = await Promise.all([
      client.get(CLUSTER_ROLE_BINDINGS, { name: ref.name }),
      client.get(ROLE_BINDINGS, ref),
      client.get(NETWORK_POLICIES, ref),
    ]);
    const writes = planRuntime({
      runtime,
      daemonSet: state.daemonSets.get(ref),
      accounts: new Map([...state.accounts.values()].map((account) => [account.metadata.name, account])),
      clusterRoleBinding,
      tokenRoleBinding,
      networkPolicy,
      pods,
      nodes: [...names].map((node) => state.nodes.get(node ?? "")).filter((node): node is Node => node !== undefined),
      apps: state.apps.by("runtime", name).length,
      replicas: [...state.replicas.values()].filter(({ spec }) => spec.runtimeName === name).length,
      settings,
      nowMs: timing.date().getTime(),
    });
    await writer.send(
      writes.map((write) => [write]),
      signal,
    );
    await this.#podMonitors?.keep(runtime, signal);
  }
}
