import { DEFAULT_RUNTIME } from "../../crds/wasm-runtime/types.ts";
import { RUNTIME_LABEL } from "../../operator/cluster-state.ts";
import { WASM_REPLICAS, type WasmReplica } from "../../operator/objects.ts";
import { Informer } from "../../kube/informer.ts";
import type { KubeClient } from "../../kube/client.ts";
import { keyOf } from "../../kube/objects.ts";
import { NODES, PODS, SERVICE_ACCOUNTS, type Node, type Pod } from "../../kube/resources.ts";
import { WorkQueue } from "../../kube/work-queue.ts";

/*
 * Nodes and node runtimes that exist in the API alone, for tests of the operator: each node has a pod that is ready, and
 * every replica is reported as served as soon as it is seen.
 */

/** What simulated nodes are asked to be. */
export interface SimulatedNodesOptions {
  client: KubeClient;
  /** Wasmlet's namespace, which has to exist. */
  namespace: string;
  count: number;
  runtime?: string;
  /** Status writes at the same time. */
  concurrency?: number;
}

/** Nodes that run what they are given. */
export class SimulatedNodes implements AsyncDisposable {
  readonly #options: SimulatedNodesOptions;
  readonly #informer: Informer<WasmReplica>;
  readonly #queue: WorkQueue;
  #reports = 0;

  constructor(options: SimulatedNodesOptions) {
    this.#options = options;
    this.#informer = new Informer({ client: options.client, resource: WASM_REPLICAS });
    this.#queue = new WorkQueue({
      concurrency: options.concurrency ?? 16,
      run: (key) => this.#report(key),
    });
    this.#informer.store.onChange((_before, after) => {
      if (after !== undefined && !isReported(after)) this.#queue.add(keyOf(after.metadata));
    });
  }

  /** Statuses that were written so far. */
  get reports(): number {
    return this.#reports;
  }

  /** Makes the nodes and their pods, and begins to report. */
  async start(): Promise<void> {
    const { client, namespace, count, runtime = DEFAULT_RUNTIME } = this.#options;
    await makeNodes(client, namespace, count);
    for (let index = 0; index < count; index++) await makePod(client, namespace, index, runtime);
    this.#informer.start();
    await this.#informer.whenSynced();
  }

  /** Gives each node a pod of one more runtime too. */
  async join(runtime: string): Promise<void> {
    for (let index = 0; index < this.#options.count; index++) {
      await makePod(this.#options.client, this.#options.namespace, index, runtime);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.stop();
    await this.#informer.stop();
  }

  async #report(key: string): Promise<void> {
    const replica = this.#informer.store.get(key);
    if (replica === undefined || isReported(replica)) return;
    const index = Number(replica.spec.nodeName.slice("node-".length));
    const status = {
      observedGeneration: replica.metadata.generation,
      ...(replica.spec.suspend === true
        ? { state: "Suspended", revision: null }
        : { state: "Ready", revision: replica.spec.revision }),
      podName: podName(index, replica.spec.runtimeName),
      podIP: podIP(index),
      startP50: "0.4ms",
    };
    const { namespace, name } = replica.metadata;
    const written = await this.#options.client.mergePatch(
      WASM_REPLICAS,
      { namespace, name },
      { status },
      { subresource: "status" },
    );
    this.#informer.store.note(written);
    this.#reports++;
  }
}

/** Makes nodes that are ready, and what pods need to be made. */
export async function makeNodes(client: KubeClient, namespace: string, count: number): Promise<void> {
  // Without a controller manager nobody else makes the account that pods have to have.
  await client.apply(SERVICE_ACCOUNTS, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { namespace, name: "default" },
  });
  for (let index = 0; index < count; index++) {
    const name = nodeName(index);
    await client.apply(NODES, { apiVersion: "v1", kind: "Node", metadata: { name } });
    await client.mergePatch(NODES, { name }, { status: nodeStatus("True") }, { subresource: "status" });
  }
}

/** Makes a node's pod of a runtime, which is ready. */
export async function makePod(client: KubeClient, namespace: string, index: number, runtime: string): Promise<void> {
  const pod = podOf(index, namespace, runtime);
  await client.apply(PODS, pod);
  await client.mergePatch(PODS, pod.metadata, { status: podStatus(index) }, { subresource: "status" });
}

function isReported({ metadata, spec, status }: WasmReplica): boolean {
  if (spec.suspend === true) return status?.state === "Suspended" && status.observedGeneration === metadata.generation;
  return status?.state === "Ready" && status.revision === spec.revision;
}

/** Returns the name of the node of a number. */
export function nodeName(index: number): string {
  return `node-${index}`;
}

/** Returns the name of a node's pod of a runtime. */
export function podName(index: number, runtime: string): string {
  return `runtime-${runtime}-${index}`;
}

function podIP(index: number): string {
  return `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}

function nodeStatus(ready: "True" | "False"): Node["status"] {
  return {
    conditions: [
      {
        type: "Ready",
        status: ready,
        reason: "Simulated",
        message: "",
        lastHeartbeatTime: new Date().toISOString(),
        lastTransitionTime: new Date().toISOString(),
      },
    ],
  };
}

function podOf(index: number, namespace: string, runtime: string): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name: podName(index, runtime), labels: { [RUNTIME_LABEL]: runtime } },
    spec: {
      nodeName: nodeName(index),
      containers: [{ name: "runtime", image: "simulated" }],
      automountServiceAccountToken: false,
    },
  };
}

function podStatus(index: number): Pod["status"] {
  return {
    phase: "Running",
    podIP: podIP(index),
    podIPs: [{ ip: podIP(index) }],
    conditions: [{ type: "ContainersReady", status: "True", lastTransitionTime: new Date().toISOString() }],
  };
}
