import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { messageOf, type WasmletError } from "../../common/errors.ts";
import { SYSTEM_TIMING, type Timing } from "../../common/timing.ts";
import { KubeClient } from "../../kube/client.ts";
import type { Connection } from "../../kube/connection.ts";
import { Informer } from "../../kube/informer.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import { keyOf } from "../../kube/objects.ts";
import { CONFIG_MAPS, PODS, SECRETS } from "../../kube/resources.ts";
import type { WasmReplicaStatus } from "../../crds/wasm-replica/types.ts";
import { RuntimeMetrics } from "../metrics/runtime-metrics.ts";
import type { AppView, Runtime, SupervisorOptions } from "../runtime-api.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { ApiContact } from "./api-contact.ts";
import { ClusterMetrics } from "./cluster-metrics.ts";
import { ClusterSource } from "./cluster-source.ts";
import { NodeToken } from "./node-token.ts";
import { ReferenceReader, type ReferencedObject } from "./reference-reader.ts";
import type { Reference } from "./references.ts";
import { WASM_REPLICAS, type Pod, type Replica } from "./replica.ts";
import { Snapshot } from "./snapshot.ts";
import { StatusReporter } from "./status-reporter.ts";

/** The node and the pod that a runtime is on. */
interface NodeIdentity {
  nodeName: string;
  /** The pool of the pod: a node has a pod of each pool that it is in. Undefined is every pool. */
  runtimeName?: string | undefined;
  podName: string;
  podIP?: string | undefined;
  /** Outside a cluster there is no pod, and no account of the node. */
  podNamespace?: string | undefined;
}

/** How a node runtime on a cluster is started. */
export interface NodeOptions extends SupervisorOptions, NodeIdentity {
  connection: Connection;
  /** A folder in memory, for Secrets and for volumes with secrets; without it, Secrets are not kept. */
  secretsDirectory?: string | undefined;
}

/** A started node runtime. */
export interface RunningNode extends Runtime {
  /** Returns one app by its `namespace/name`. */
  app(id: string): AppView | undefined;
}

const FIELD_MANAGER = "wasmlet-node";
/** Start times are told of now and then: nothing else says that they changed. */
const LOOK_MS = 10_000;
const POD_RETRY_MS = 2000;

/** Starts a node runtime over the WasmReplicas of its node. Throws RUNTIME_CACHE and RUNTIME_PORT_IN_USE. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const node = new NodeRuntime(options, SYSTEM_TIMING);
  await node.start();
  return node;
}

/** A supervisor, what tells it which apps to run, and what tells the API server how they are. */
class NodeRuntime implements RunningNode {
  readonly #options: NodeOptions;
  readonly #timing: Timing;
  readonly #client: KubeClient;
  /** Reads what apps refer to, as the node's own account. */
  readonly #reader: KubeClient;
  readonly #token: NodeToken | undefined;
  readonly #metrics: ClusterMetrics;
  readonly #contact: ApiContact;
  readonly #informer: Informer<Replica>;
  readonly #snapshot: Snapshot;
  readonly #references: ReferenceReader;
  readonly #source: ClusterSource;
  readonly #reporter: StatusReporter;
  readonly #supervisor: Supervisor;
  readonly #stopping = new AbortController();
  readonly #startedAt = new Date();
  #pod: Pod | undefined;

  constructor(options: NodeOptions, timing: Timing) {
    const { connection, nodeName, podName, log } = options;
    this.#options = options;
    this.#timing = timing;
    const clientOptions = { fieldManager: FIELD_MANAGER };
    this.#client = new KubeClient(connection, clientOptions);
    this.#token = this.#createToken();
    const token = this.#token;
    this.#reader = new KubeClient(
      token === undefined ? connection : { ...connection, token: () => token.get() },
      clientOptions,
    );
    const runtimeMetrics = new RuntimeMetrics();
    this.#metrics = new ClusterMetrics(runtimeMetrics.registry, () => this.apps().map(({ state }) => state));
    this.#contact = new ApiContact({
      probe: (signal) => this.#client.text("/readyz", signal),
      onChange: (isConnected, problem) => this.#noteContact(isConnected, problem),
      timing,
    });
    this.#informer = this.#createInformer();
    this.#snapshot = this.#createSnapshot();
    this.#references = new ReferenceReader({
      read: (reference, signal) => this.#read(reference, signal),
      onRead: () => this.#source.schedule(),
      timing,
    });
    this.#reporter = this.#createReporter();
    this.#source = new ClusterSource({
      feed: this.#informer,
      references: this.#references,
      snapshot: this.#snapshot,
      me: { name: podName },
      viewOf: (app) => this.#supervisor.app(app),
      onApplied: (key) => this.#reporter.look(key),
      hasReported: (keys) => this.#reporter.hasReported(keys),
      onStartFromDisk: (replicas) =>
        log.warn(
          replicas === undefined
            ? "the API server does not answer, and nothing is on disk to start from"
            : "the API server does not answer: the apps that it last named are started",
          { nodeName, ...(replicas !== undefined && { replicas }) },
        ),
      timing,
    });
    this.#supervisor = new Supervisor(
      { ...withSecretVolumes(options), sharesPorts: true },
      this.#source,
      runtimeMetrics,
    );
  }

  get managementUrl(): string {
    return this.#supervisor.managementUrl;
  }

  async start(): Promise<void> {
    this.#informer.store.onChange((before, after) => this.#noteReplica(before, after));
    this.#supervisor.onChange((app) => this.#noteApp(app));
    void this.#findPod();
    await this.#supervisor.start();
    void this.#informer.whenSynced().then(() => this.#contact.answered());
    void this.#lookAgain();
  }

  apps(): AppView[] {
    return this.#supervisor.apps();
  }

  app(id: string): AppView | undefined {
    return this.#supervisor.app(id);
  }

  problems(): WasmletError[] {
    return this.#supervisor.problems();
  }

  onChange(listener: (app?: string) => void): () => void {
    return this.#supervisor.onChange(listener);
  }

  /** Process ids of the children: for tests that end one. */
  childPids(): { cells: number[]; preparers: number[] } {
    return this.#supervisor.childPids();
  }

  /** Nothing is reported of apps that end with this pod: another one, or the operator, says how they are then. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(new Error("the runtime stops"));
    this.#contact.stop();
    await this.#reporter.stop();
    await this.#supervisor.stop(graceMs);
    await Promise.all([this.#client.close(), this.#reader.close()]);
  }

  #createToken(): NodeToken | undefined {
    const { connection, nodeName, podNamespace, log } = this.#options;
    if (podNamespace === undefined) return undefined;
    return new NodeToken({
      client: this.#client,
      nodeName,
      namespace: podNamespace,
      podToken: () => connection.token(),
      timing: this.#timing,
      onChange: (message) => log.info(message),
    });
  }

  #createInformer(): Informer<Replica> {
    const { nodeName, runtimeName } = this.#options;
    const ofPool = runtimeName === undefined ? "" : `,spec.runtimeName=${runtimeName}`;
    return new Informer({
      client: this.#client,
      resource: WASM_REPLICAS,
      fieldSelector: `spec.nodeName=${nodeName}${ofPool}`,
      onError: (thrown) => {
        this.#metrics.watchRestarted();
        this.#contact.failed(thrown);
      },
      timing: this.#timing,
    });
  }

  #createSnapshot(): Snapshot {
    const { cacheDirectory, nodeName, secretsDirectory, log } = this.#options;
    return new Snapshot({
      folder: join(cacheDirectory, "cluster"),
      nodeName,
      secretsFolder: secretsDirectory,
      onProblem: (problem) => log.warn(`not everything is kept for a start without the API server: ${problem}`),
    });
  }

  #createReporter(): StatusReporter {
    const { log } = this.#options;
    return new StatusReporter({
      store: this.#informer.store,
      appliedOf: (key) => this.#source.appliedOf(key),
      viewOf: (app) => this.#supervisor.app(app),
      isPresent: (app) => this.#supervisor.isPresent(app),
      pod: () => this.#pod,
      write: (replica, status, signal) => this.#write(replica, status, signal),
      onWrite: (result) => this.#metrics.wrote(result),
      onError: (replica, problem) => log.warn(`the status of a replica cannot be written: ${problem}`, { replica }),
      timing: this.#timing,
    });
  }

  async #read(reference: Omit<Reference, "isOptional">, signal: AbortSignal): Promise<ReferencedObject | undefined> {
    const { kind, namespace, name } = reference;
    try {
      const object: ReferencedObject | undefined =
        kind === "Secret"
          ? await this.#reader.get(SECRETS, { namespace, name }, { signal })
          : await this.#reader.get(CONFIG_MAPS, { namespace, name }, { signal });
      this.#metrics.readReference(object === undefined ? "missing" : "found");
      if (object !== undefined) this.#snapshot.keepObject(object);
      return object;
    } catch (thrown) {
      this.#metrics.readReference("error");
      if (isKubeError(thrown, "KUBE_FORBIDDEN")) this.#token?.refresh();
      throw thrown;
    }
  }

  #write(replica: Replica, status: WasmReplicaStatus, signal: AbortSignal): Promise<Replica> {
    // With the version, so that a pod that has not heard yet does not speak over the one that took over; and as a whole, so that
    // nothing stays of what the operator said for a pod that was gone.
    return this.#client.replace(WASM_REPLICAS, { ...replica, status }, { subresource: "status", signal });
  }

  #noteReplica(before: Replica | undefined, after: Replica | undefined): void {
    this.#contact.answered();
    if (after !== undefined) this.#reporter.look(keyOf(after.metadata));
    else if (before !== undefined) this.#reporter.forget(keyOf(before.metadata));
  }

  #noteApp(app: string | undefined): void {
    const key = app === undefined ? undefined : this.#source.keyOfApp(app);
    if (app === undefined || key === undefined) return;
    this.#source.noteApp(app);
    this.#reporter.look(key);
  }

  #noteContact(isConnected: boolean, problem: string): void {
    const { log } = this.#options;
    this.#metrics.connected(isConnected);
    if (isConnected) log.info("the API server answers");
    else log.warn(`the API server does not answer; apps go on as they are: ${problem}`);
  }

  async #lookAgain(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      for (const key of this.#source.keys()) this.#reporter.look(key);
      await this.#timing.delay(LOOK_MS, signal).catch(() => {});
    }
  }

  /** Finds out when this pod was created: of two pods of a node, the newer one reports. */
  async #findPod(): Promise<void> {
    const { podName: name, podIP: ip } = this.#options;
    const created = (await this.#creationOfPod()) ?? this.#startedAt.toISOString();
    this.#pod = { name, ...(ip !== undefined && { ip }), created };
    for (const key of this.#source.keys()) this.#reporter.look(key);
  }

  /** Asks until there is an answer; undefined where there is no such pod, or where it may not be asked for. */
  async #creationOfPod(): Promise<string | undefined> {
    const { podName: name, podNamespace: namespace, log } = this.#options;
    if (namespace === undefined) return undefined;
    const { signal } = this.#stopping;
    for (;;) {
      try {
        const pod = await this.#client.get(PODS, { namespace, name }, { signal });
        return pod?.metadata.creationTimestamp;
      } catch (thrown) {
        if (signal.aborted) return undefined;
        if (isKubeError(thrown, "KUBE_FORBIDDEN")) {
          log.warn(`when it was started stands in for when its pod was created: ${messageOf(thrown)}`);
          return undefined;
        }
        await this.#timing.delay(POD_RETRY_MS, signal).catch(() => {});
      }
    }
  }
}

/** Two pods of a node share a cache and run the same apps for a while: volumes are each pod's own. */
function withSecretVolumes(options: NodeOptions): SupervisorOptions {
  const {
    cacheDirectory,
    podName,
    secretsDirectory,
    volumesDirectory = join(cacheDirectory, "volumes", podName),
  } = options;
  if (secretsDirectory === undefined) return { ...options, volumesDirectory };
  const secretVolumesDirectory = join(secretsDirectory, "volumes");
  mkdirSync(secretVolumesDirectory, { recursive: true, mode: 0o700 });
  return { ...options, volumesDirectory, secretVolumesDirectory };
}
