import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Connection } from "../../kube/connection.ts";
import { KubeClient } from "../../kube/client.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type { KubeObject, OwnerReference } from "../../kube/objects.ts";
import { NAMESPACES, NODES, type Resource } from "../../kube/resources.ts";

const LIMIT_MS = 120_000;
const POLL_MS = 500;
const FAILURE_POLL_MS = 1000;
const HOSTNAME = "kubernetes.io/hostname";

/** A namespace that somebody else has, in which things are started that belong to a pod. */
export interface SessionPlace {
  client: KubeClient;
  namespace: string;
  /** What names of objects begin with. */
  prefix: string;
  /** Labels of the one node on which all is started. */
  nodeSelector: Readonly<Record<string, string>>;
  /** Whose objects they are: they go with it, whatever happens to us. */
  owner: OwnerReference;
  labels: Readonly<Record<string, string>>;
  /** Aborted when what is started need not be waited for any more. */
  signal: AbortSignal;
}

/** Where things are started on a cluster: a namespace of its own, which goes with everything in it, or a part of one. */
export class KubeSession implements AsyncDisposable {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Selects the one node on which all is started: what is on it, is not on another. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly #place: SessionPlace | undefined;
  /** What was made and not removed yet. */
  readonly #made = new Map<string, { resource: Resource<KubeObject>; name: string }>();
  /** Aborted when what is started need not be waited for any more. */
  readonly signal: AbortSignal;

  private constructor(
    client: KubeClient,
    namespace: string,
    nodeSelector: Readonly<Record<string, string>>,
    signal: AbortSignal,
    place?: SessionPlace,
  ) {
    this.client = client;
    this.namespace = namespace;
    this.nodeSelector = nodeSelector;
    this.signal = signal;
    this.#place = place;
  }

  /** Opens a session in a namespace that stays. */
  static in(place: SessionPlace): KubeSession {
    return new KubeSession(place.client, place.namespace, place.nodeSelector, place.signal, place);
  }

  /** Opens a session on the cluster that is named; throws KUBE_* where it cannot be reached or does not allow it. */
  static async open(connection: Connection, signal: AbortSignal): Promise<KubeSession> {
    const client = new KubeClient(connection, { fieldManager: "wasmlet-startup" });
    const nodeSelector = await selectNode(client);
    const name = `wasmlet-startup-${randomBytes(4).toString("hex")}`;
    await client.create(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    return new KubeSession(client, name, nodeSelector, signal);
  }

  /** Returns the metadata of an object of the session. */
  metadataOf(name: string): KubeObject["metadata"] {
    const { namespace } = this;
    if (this.#place === undefined) return { namespace, name };
    const { prefix, owner, labels } = this.#place;
    return { namespace, name: `${prefix}-${name}`, labels: { ...labels }, ownerReferences: [owner] };
  }

  /** Creates an object with metadata of the session. */
  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    const { name } = object.metadata;
    this.#made.set(`${resource.plural} ${name}`, { resource, name });
    return this.client.create(resource, object);
  }

  /**
   * Watches objects from a version on until `isDone` says so of one. Throws after two minutes, when the signal is
   * aborted, and what `isDone` throws.
   */
  async until<T extends KubeObject>(
    resource: Resource<T>,
    selection: { fieldSelector?: string; labelSelector?: string; signal?: AbortSignal },
    resourceVersion: string,
    isDone: (object: T) => boolean,
  ): Promise<T> {
    const timeoutSeconds = LIMIT_MS / 1000;
    const options = { namespace: this.namespace, resourceVersion, timeoutSeconds, signal: this.signal, ...selection };
    for await (const event of this.client.watch(resource, options)) {
      if (event.type !== "BOOKMARK" && event.type !== "DELETED" && isDone(event.object)) return event.object;
    }
    throw new Error(`${resource.kind} was not ready within ${timeoutSeconds} s`);
  }

  /** Does something with an object unless that fails: what tells so is believed when it says so twice in a row. */
  async unlessFailed<T extends KubeObject, R>(
    resource: Resource<T>,
    name: string,
    failureOf: (object: T) => Error | undefined,
    work: (signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const done = new AbortController();
    const signal = AbortSignal.any([this.signal, done.signal]);
    const failed = this.#untilFailed(resource, name, failureOf, signal);
    try {
      return await Promise.race([
        work(signal),
        failed.then((failure) => {
          throw failure;
        }),
      ]);
    } finally {
      done.abort();
    }
  }

  /** Resolves to why an object failed; never where it does not. */
  async #untilFailed<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    failureOf: (object: T) => Error | undefined,
    signal: AbortSignal,
  ): Promise<Error> {
    let before: Error | undefined;
    while (!signal.aborted) {
      await delay(FAILURE_POLL_MS, undefined, { signal }).catch(() => {});
      const object = await this.client.get(resource, { namespace: this.namespace, name }, { signal }).catch(() => {});
      const failure = object && failureOf(object);
      if (failure !== undefined && before !== undefined) return failure;
      before = failure ?? undefined;
    }
    return new Promise<never>(() => {});
  }

  /** Removes an object, and waits until it is gone. */
  async remove(resource: Resource<KubeObject>, name: string): Promise<void> {
    const ref = { namespace: this.namespace, name };
    await this.client.delete(resource, ref);
    this.#made.delete(`${resource.plural} ${name}`);
    const deadlineMs = performance.now() + LIMIT_MS;
    while ((await this.client.get(resource, ref)) !== undefined && performance.now() < deadlineMs) await delay(POLL_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#place !== undefined) {
      // The latest first: what others refer to goes after them.
      for (const { resource, name } of [...this.#made.values()].toReversed()) {
        await this.remove(resource, name).catch(() => {});
      }
      return;
    }
    try {
      await this.client.delete(NAMESPACES, { name: this.namespace });
      const deadlineMs = performance.now() + LIMIT_MS;
      while (performance.now() < deadlineMs && (await this.client.get(NAMESPACES, { name: this.namespace }))) {
        await delay(POLL_MS);
      }
    } catch (thrown) {
      if (!isKubeError(thrown, "KUBE_NOT_FOUND")) throw thrown;
    } finally {
      await this.client.close();
    }
  }
}

/** Returns what selects a node that takes pods; nothing where nodes may not be listed, or there is none. */
async function selectNode(client: KubeClient): Promise<Record<string, string>> {
  try {
    const { items } = await client.list(NODES);
    const node = items.find(
      ({ spec, status }) =>
        spec?.unschedulable !== true &&
        !spec?.taints?.some(({ effect }) => effect !== "PreferNoSchedule") &&
        status?.conditions?.some(({ type, status: holds }) => type === "Ready" && holds === "True"),
    );
    const hostname = node?.metadata.labels?.[HOSTNAME];
    return hostname === undefined ? {} : { [HOSTNAME]: hostname };
  } catch (thrown) {
    if (isKubeError(thrown, "KUBE_FORBIDDEN")) return {};
    throw thrown;
  }
}
