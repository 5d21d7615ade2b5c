import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { OperatorMetrics } from "./metrics.ts";

/** One request to the API server. */
export type Write =
  | { kind: "apply"; resource: AnyResource; object: KubeObject }
  | { kind: "status"; resource: AnyResource; object: KubeObject }
  | { kind: "delete"; resource: AnyResource; object: KubeObject };

type AnyResource = Parameters<ClusterState["storeOf"]>[0];

/** Sends writes, and notes their results in the stores at once: what is planned next sees them. */
export class Writer {
  readonly #client: Pick<KubeClient, "apply" | "delete">;
  readonly #state: Pick<ClusterState, "storeOf">;
  readonly #metrics: OperatorMetrics;
  #isNoting = false;

  constructor(
    client: Pick<KubeClient, "apply" | "delete">,
    state: Pick<ClusterState, "storeOf">,
    metrics: OperatorMetrics,
  ) {
    this.#client = client;
    this.#state = state;
    this.#metrics = metrics;
  }

  /** True while a store changes because of our own write: nobody has to look at that again. */
  get isNoting(): boolean {
    return this.#isNoting;
  }

  /** Sends the writes one after another; throws KUBE_* at the first that fails, and the rest is not sent. */
  async send(writes: readonly Write[], signal: AbortSignal): Promise<void> {
    for (const write of writes) {
      signal.throwIfAborted();
      await this.#send(write, signal);
      this.#metrics.writes.inc({ verb: write.kind, resource: write.resource.plural });
    }
  }

  async #send({ kind, resource, object }: Write, signal: AbortSignal): Promise<void> {
    const store = this.#state.storeOf(resource);
    const { uid = "" } = object.metadata;
    if (kind === "delete") {
      const outcome = await this.#client.delete(resource, object.metadata, { uid, signal });
      // What finalizers keep is still there, and what is absent may be there again.
      if (outcome === "deleted") this.#note(() => store?.noteDeleted(object.metadata, uid));
      return;
    }
    const subresource = kind === "status" ? "status" : undefined;
    const written = await this.#client.apply(resource, object, { signal, subresource });
    this.#note(() => store?.note(written));
  }

  #note(change: () => unknown): void {
    this.#isNoting = true;
    try {
      change();
    } finally {
      this.#isNoting = false;
    }
  }
}
