import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Connection } from "../../kube/connection.ts";
import { KubeClient } from "../../kube/client.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { NAMESPACES, NODES, type Resource } from "../../kube/resources.ts";

const LIMIT_MS = 120_000;
const POLL_MS = 500;
const HOSTNAME = "kubernetes.io/hostname";

/** A namespace of its own on a cluster, in which things are started; it goes with everything in it. */
export class KubeSession implements AsyncDisposable {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Selects the one node on which all is started: what is on it, is not on another. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Aborted when what is started need not be waited for any more. */
  readonly signal: AbortSignal;

  private constructor(
    client: KubeClient,
    namespace: string,
    nodeSelector: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) {
    this.client = client;
    this.namespace = namespace;
    this.nodeSelector = nodeSelector;
    this.signal = signal;
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
    return { namespace: this.namespace, name };
  }

  /**
   * Watches objects from a version on until `isDone` says so of one. Throws after two minutes, when the signal is
   * aborted, and what `isDone` throws.
   */
  async until<T extends KubeObject>(
    resource: Resource<T>,
    selection: { fieldSelector?: string; labelSelector?: string },
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

  /** Removes an object, and waits until it is gone. */
  async remove(resource: Resource<KubeObject>, name: string): Promise<void> {
    const ref = this.metadataOf(name);
    await this.client.delete(resource, ref);
    const deadlineMs = performance.now() + LIMIT_MS;
    while ((await this.client.get(resource, ref)) !== undefined && performance.now() < deadlineMs) await delay(POLL_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
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
