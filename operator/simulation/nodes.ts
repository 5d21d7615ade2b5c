import { NODES, PODS, type Node, type Pod } from "../../kube/resources.ts";
import { RUNTIME_LABEL } from "../cluster-state.ts";
import { NodeRuntime } from "./node-runtime.ts";
import type { World } from "./world.ts";

/** Wasmlet's own namespace. */
export const SYSTEM = "wasmlet-system";

const PROBE_MS = 500;
/** How long a pod that ends serves on. */
const DRAIN_MS = 3000;
/** How long it takes until a node that says nothing counts as not ready. */
const SILENCE_MS = 4000;

interface SimulatedNode {
  name: string;
  runtimes: NodeRuntime[];
}

/** The cluster's machines: nodes with their kubelets, and the DaemonSet's pods on them. */
export class Nodes {
  readonly #world: World;
  readonly #nodes = new Map<string, SimulatedNode>();
  #pods = 0;
  #address = 1;

  readonly #pools: readonly string[];

  /** Every node is in all of the pools. */
  constructor(world: World, pools: readonly string[]) {
    this.#world = world;
    this.#pools = pools;
  }

  /** Adds a machine and starts its pods. */
  add(name: string, labels: Record<string, string> = {}): void {
    const node: SimulatedNode = { name, runtimes: [] };
    this.#nodes.set(name, node);
    this.#world.api.create(NODES, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
      spec: {},
      status: { conditions: [this.#condition("Ready", true)] },
    } as unknown as Node);
    for (const pool of this.#pools) this.#startPod(node, pool);
  }

  cordon(name: string, isCordoned: boolean): void {
    this.#world.api.edit(NODES, { name }, (node) => Object.assign(node, { spec: { unschedulable: isCordoned } }));
  }

  /** The node runtime's process ends and is started again in its pod. */
  restartRuntime(name: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    for (const runtime of this.#newestOf(node)) {
      this.#world.noteDisturbance();
      runtime.kill();
      node.runtimes = node.runtimes.filter((other) => other !== runtime);
      this.#setPodReady(runtime.pod.name, false);
      this.#world.scheduler.after(this.#world.random.between(50, 1000), () => {
        if (this.#nodes.get(name) === node) this.#run(node, runtime.pod);
      });
    }
  }

  /** The machine starts again: its pods keep their names and get other addresses. */
  reboot(name: string): void {
    const node = this.#nodes.get(name);
    const newest = node === undefined ? [] : this.#newestOf(node);
    if (node === undefined || newest.length === 0) return;
    this.#world.noteDisturbance();
    for (const older of node.runtimes.splice(0)) {
      older.kill();
      if (newest.includes(older)) this.#setPodReady(older.pod.name, false);
      else this.#world.api.delete(PODS, { namespace: SYSTEM, name: older.pod.name });
    }
    this.#setNodeReady(name, false);
    this.#world.scheduler.after(this.#world.random.between(500, 20_000), () => {
      if (this.#nodes.get(name) !== node) return;
      this.#world.noteDisturbance();
      this.#setNodeReady(name, true);
      for (const { pod } of newest) this.#run(node, { ...pod, ip: this.#nextAddress() });
    });
  }

  /** Another pod takes the place of each pod, beside it until it is ready: as when the DaemonSets roll. */
  replacePod(name: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    for (const { pod } of this.#newestOf(node)) {
      this.#world.noteDisturbance();
      this.#startPod(node, pod.runtimeName);
    }
  }

  /** Returns the newest runtime of each pool. */
  #newestOf({ runtimes }: SimulatedNode): NodeRuntime[] {
    return this.#pools.flatMap((pool) => runtimes.findLast(({ pod }) => pod.runtimeName === pool) ?? []);
  }

  /** The machine goes for good, or so it seems. */
  remove(name: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    this.#world.noteDisturbance();
    this.#nodes.delete(name);
    for (const runtime of node.runtimes) {
      runtime.kill();
      this.#world.api.delete(PODS, { namespace: SYSTEM, name: runtime.pod.name });
    }
    this.#world.api.delete(NODES, { name });
  }

  /** Nobody hears of a node for a while; what runs there runs on, but sees and reports nothing. */
  isolate(name: string, milliseconds: number): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    this.#world.noteDisturbance();
    this.#world.scheduler.after(SILENCE_MS, () => {
      if (this.#nodes.get(name) === node) this.#setNodeReady(name, false);
    });
    this.#world.scheduler.after(SILENCE_MS + milliseconds, () => {
      this.#world.noteDisturbance();
      if (this.#nodes.get(name) === node) this.#setNodeReady(name, true);
    });
  }

  get names(): string[] {
    return [...this.#nodes.keys()];
  }

  #startPod(node: SimulatedNode, runtimeName: string): void {
    const order = this.#pods++;
    const pod = { name: `runtime-${order}`, uid: `pod-${order}`, ip: "", nodeName: node.name, runtimeName, order };
    this.#world.api.create(PODS, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: pod.name, namespace: SYSTEM, labels: { [RUNTIME_LABEL]: runtimeName } },
      spec: { nodeName: node.name },
      status: { conditions: [{ type: "ContainersReady", status: "False" }] },
    } as unknown as Pod);
    const { uid } = this.#world.api.get(PODS, { namespace: SYSTEM, name: pod.name })!.metadata;
    this.#run(node, { ...pod, uid: uid!, ip: this.#nextAddress() });
  }

  #run(node: SimulatedNode, pod: NodeRuntime["pod"]): void {
    const runtime = new NodeRuntime(this.#world, pod);
    node.runtimes.push(runtime);
    this.#world.api.edit(PODS, { namespace: SYSTEM, name: pod.name }, (object) => {
      object.status!.podIP = pod.ip;
    });
    this.#probe(node, runtime);
  }

  /** Once a pod is ready, the DaemonSet ends those older than any that is, also one that is back after its machine restarted. */
  #probe(node: SimulatedNode, runtime: NodeRuntime): void {
    this.#world.scheduler.after(PROBE_MS, () => {
      if (!runtime.isAlive) return;
      if (!runtime.isSettled) return this.#probe(node, runtime);
      this.#setPodReady(runtime.pod.name, true);
      const own = node.runtimes.filter(({ pod }) => pod.runtimeName === runtime.pod.runtimeName);
      const newestOrder = Math.max(...own.filter(({ isSettled }) => isSettled).map(({ pod }) => pod.order));
      for (const other of own) if (other.pod.order < newestOrder) this.#endPod(node, other);
      return undefined;
    });
  }

  #endPod(node: SimulatedNode, runtime: NodeRuntime): void {
    if (!runtime.isAlive) return;
    const ref = { namespace: SYSTEM, name: runtime.pod.name };
    this.#world.noteDisturbance();
    this.#world.api.edit(PODS, ref, ({ metadata }) => {
      metadata.deletionTimestamp = this.#world.scheduler.date.toISOString();
    });
    this.#world.scheduler.after(DRAIN_MS, () => {
      runtime.kill();
      node.runtimes = node.runtimes.filter((other) => other !== runtime);
      this.#world.api.delete(PODS, ref);
    });
  }

  #setPodReady(name: string, isReady: boolean): void {
    this.#world.api.edit(PODS, { namespace: SYSTEM, name }, ({ status }) => {
      Object.assign(status!, { conditions: [this.#condition("ContainersReady", isReady)] });
    });
  }

  #setNodeReady(name: string, isReady: boolean): void {
    this.#world.api.edit(NODES, { name }, ({ status }) => {
      Object.assign(status!, { conditions: [this.#condition("Ready", isReady)] });
    });
  }

  #condition(type: string, isReady: boolean): object {
    const lastTransitionTime = this.#world.scheduler.date.toISOString();
    return { type, status: isReady ? "True" : "False", lastTransitionTime };
  }

  #nextAddress(): string {
    return `10.0.0.${this.#address++}`;
  }
}
