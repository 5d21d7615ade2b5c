import type { Timing } from "../../common/timing.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import { keyOf, type KubeObject } from "../../kube/objects.ts";
import type { Node, Pod } from "../../kube/resources.ts";
import type { WorkQueue, WorkResult } from "../../kube/work-queue.ts";
import { appKeys, referenceKey, runtimeNameOf, type ClusterState } from "../cluster-state.ts";
import { createQueue } from "../controller.ts";
import { GonePods } from "../gone-pods.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { WasmAppObject, WasmReplica } from "../objects.ts";
import type { OperatorLog } from "../operator-api.ts";
import { Ports } from "../ports.ts";
import type { Writer } from "../writer.ts";
import { isPodReady, isPodRunning, observeApp } from "./observe.ts";
import { planApp, type Plan } from "./plan.ts";
import type { TagResolver } from "./tag-resolver.ts";
import { isEqual } from "./writes.ts";

/** What the controller of apps works with. */
export interface AppControllerContext {
  state: ClusterState;
  writer: Writer;
  resolver: Pick<TagResolver, "resolutionOf" | "request">;
  events: Pick<EventRecorder, "record">;
  systemNamespace: string;
  concurrency: number;
  metrics: OperatorMetrics;
  log: OperatorLog;
  timing: Timing;
}

/** Keeps the objects of every WasmApp as they should be: looks at an app whenever something that it depends on changes. */
export class AppController {
  readonly #context: AppControllerContext;
  readonly #ports = new Ports();
  readonly #gonePods: GonePods;
  readonly #queue: WorkQueue;
  /** Apps that wait for what others may leave: room on nodes, or a port. */
  readonly #waiting = new Set<string>();
  readonly #unsubscribe: (() => void)[] = [];

  constructor(context: AppControllerContext) {
    this.#context = context;
    this.#gonePods = new GonePods(context.state);
    const { metrics, log, timing, concurrency } = context;
    const reconcile = (key: string, signal: AbortSignal): Promise<WorkResult> => this.#reconcile(key, signal);
    this.#queue = createQueue({ name: "wasmapp", concurrency, reconcile, metrics, log, timing });
  }

  get depth(): number {
    return this.#queue.depth;
  }

  /** Notes which ports are taken, and looks at every app. The state must be complete. */
  start(): void {
    this.#notePorts();
    this.#gonePods.begin();
    this.#subscribe();
    this.resync();
  }

  /** Looks at an app again. */
  add(key: string): void {
    this.#queue.add(key);
  }

  /** Looks at every app again, after those of which there is news: for what shows in no event. */
  resync(): void {
    for (const key of this.#context.state.apps.keys()) this.#queue.add(key, "sweep");
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#queue.stop();
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<WorkResult> {
    const { state, resolver, systemNamespace, timing, writer, events } = this.#context;
    const app = state.apps.get(key);
    if (app === undefined) {
      this.#ports.release(key);
      this.#waiting.delete(key);
      this.#addAll(this.#waiting);
      return undefined;
    }
    const nowMs = timing.date().getTime();
    const resolutionOf = resolver.resolutionOf.bind(resolver);
    const isGone = (podName: string): boolean => this.#gonePods.has(podName);
    const context = { state, ports: this.#ports, isGone, resolutionOf, systemNamespace, nowMs };
    const plan = planApp(observeApp(app, context));
    this.#noteWants(key, app, plan);
    // The registry answers while we write.
    const retryMs = plan.resolve === undefined ? undefined : resolver.request(app, plan.resolve);
    await writer.send(plan.writes, signal);
    this.#leaveOtherPools(key, app);
    for (const { type, reason, message } of plan.events) {
      events.record(app, { type, reason, action: "Reconcile", note: message });
    }
    const waits = [plan.requeueAfterMs, retryMs].filter((ms) => ms !== undefined);
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  /** Frees the app's ports in pools that it has left. */
  #leaveOtherPools(key: string, app: WasmAppObject): void {
    const pools = this.#context.state.replicas.by("app", key).map(({ spec }) => spec.runtimeName);
    this.#ports.release(key, new Set([runtimeNameOf(app), ...pools]));
  }

  #noteWants(key: string, { spec }: WasmAppObject, plan: Plan): void {
    if (plan.isShort === true || spec.placement?.everyNode === true) this.#waiting.add(key);
    else this.#waiting.delete(key);
  }

  /** Who has a port keeps it; what is recorded twice is left to whoever is looked at first. */
  #notePorts(): void {
    const { apps, replicas } = this.#context.state;
    const range = { first: 1, last: 0 };
    for (const { metadata, spec } of replicas.values()) {
      const key = keyOf({ namespace: metadata.namespace, name: spec.appName });
      if (spec.port !== undefined && apps.get(key) !== undefined)
        this.#ports.assign(spec.runtimeName, key, range, spec.port);
    }
    // After those: an app that is about to move has its port in the pool that it leaves.
    for (const app of apps.values()) {
      if (app.status?.port !== undefined)
        this.#ports.assign(runtimeNameOf(app), keyOf(app.metadata), range, app.status.port);
    }
  }

  #subscribe(): void {
    const { state } = this.#context;
    const { apps, replicas, services, httpRoutes, slices, roles, roleBindings } = state;
    const { nodes, pods, runtimes, secrets, configMaps } = state;
    this.#unsubscribe.push(
      apps.onChange((before, after) => this.#ifForeign(() => this.#appChanged(before, after))),
      replicas.onChange((before, after) => {
        this.#ifForeign(() => this.#replicaChanged((after ?? before)!));
        // There is room again where there was none: also when we ourselves took one away.
        if (after === undefined) this.#addAll(this.#waiting);
      }),
      ...[slices, roles, roleBindings].map((store) =>
        (store as typeof slices).onChange((before, after) =>
          this.#ifForeign(() => this.#addAll(appKeys((after ?? before)!))),
        ),
      ),
      ...[services, httpRoutes.store].map((store) =>
        // Also under a name that is an app's and with no label of it: somebody else may have taken it.
        (store as typeof services).onChange((before, after) =>
          this.#ifForeign(() => this.#addKnown(keyOf((after ?? before)!.metadata))),
        ),
      ),
      httpRoutes.onAbsenceChange(() => {
        for (const app of apps.values()) if (app.spec.expose !== undefined) this.#queue.add(keyOf(app.metadata));
      }),
      nodes.onChange((before, after) => this.#nodeChanged(before, after)),
      pods.onChange((before, after) => this.#podChanged(before, after)),
      runtimes.onChange((before, after) => {
        if (isEqual(before?.spec, after?.spec)) return;
        this.#addAll(apps.by("runtime", (after ?? before)!.metadata.name).map(({ metadata }) => keyOf(metadata)));
      }),
      secrets.onChange((before, after) => this.#referenceChanged("Secret", (after ?? before)!)),
      configMaps.onChange((before, after) => this.#referenceChanged("ConfigMap", (after ?? before)!)),
    );
  }

  /** What we wrote ourselves was planned with what is there now. */
  #ifForeign(then: () => void): void {
    if (!this.#context.writer.isNoting) then();
  }

  #appChanged(before: WasmAppObject | undefined, after: WasmAppObject | undefined): void {
    const { metadata } = (after ?? before)!;
    // A status that somebody else wrote is put right like everything else; one that we wrote comes here only once.
    if (isEqual(before?.metadata.resourceVersion, after?.metadata.resourceVersion)) return;
    this.#queue.add(keyOf(metadata));
  }

  #replicaChanged({ metadata, spec }: WasmReplica): void {
    this.#addKnown(keyOf({ namespace: metadata.namespace, name: spec.appName }));
  }

  #nodeChanged(before: Node | undefined, after: Node | undefined): void {
    if (before !== undefined && after !== undefined && isEqual(relevant(before), relevant(after))) return;
    this.#nodeMatters((after ?? before)!.metadata.name);
  }

  #podChanged(before: Pod | undefined, after: Pod | undefined): void {
    if (after === undefined) this.#gonePods.note(before!.metadata.name);
    else this.#gonePods.forget(after.metadata.name);
    if (before !== undefined && after !== undefined && isEqual(relevantOfPod(before), relevantOfPod(after))) return;
    const nodeName = (after ?? before)!.spec?.nodeName;
    if (nodeName !== undefined) this.#nodeMatters(nodeName);
  }

  #nodeMatters(name: string): void {
    const { replicas } = this.#context.state;
    this.#addAll(replicas.by("node", name).flatMap(appKeys));
    this.#addAll(this.#waiting);
  }

  #referenceChanged(kind: string, { metadata }: KubeObject): void {
    const key = referenceKey(kind, metadata.namespace, metadata.name);
    for (const app of this.#context.state.apps.by("reference", key)) this.#queue.add(keyOf(app.metadata));
  }

  #addKnown(key: string): void {
    if (this.#context.state.apps.get(key) !== undefined) this.#queue.add(key);
  }

  #addAll(keys: Iterable<string>): void {
    for (const key of keys) this.#addKnown(key);
  }
}

/** What of a node placement depends on. */
function relevant({ metadata: { labels, deletionTimestamp }, spec, status }: Node): unknown {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return [labels, deletionTimestamp, spec?.unschedulable ?? false, ready?.status === "True"];
}

/** What of a pod endpoints depend on. */
function relevantOfPod(pod: Pod): unknown {
  return [pod.metadata.deletionTimestamp, pod.status?.podIP, pod.spec?.nodeName, isPodReady(pod), isPodRunning(pod)];
}
