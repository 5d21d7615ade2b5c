import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/objects.ts";
import { isEqual } from "./apps/writes.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { OperatorMetrics } from "./metrics.ts";

/** One request to the API server. */
export type Write =
  /** Only where nothing has that name: what somebody else made meanwhile is left alone. */
  | { kind: "create"; resource: AnyResource; object: KubeObject }
  | { kind: "apply"; resource: AnyResource; object: KubeObject }
  | { kind: "status"; resource: AnyResource; object: KubeObject }
  | { kind: "delete"; resource: AnyResource; object: KubeObject };

type AnyResource = Parameters<ClusterState["storeOf"]>[0];

/** Sends writes, and notes their results in the stores at once: what is planned next sees them. */
export class Writer {
  readonly #client: Pick<KubeClient, "apply" | "create" | "delete">;
  readonly #state: Pick<ClusterState, "storeOf">;
  readonly #metrics: OperatorMetrics;
  #isNoting = false;

  constructor(
    client: Pick<KubeClient, "apply" | "create" | "delete">,
    state: Pick<ClusterState, "storeOf">,
    metrics: OperatorMetrics,
  ) {
    this.#client = client;
    this.#state = state;
    this.#metrics = metrics;
  }

  /** True while a store changes because of our own write, and of nothing else: nobody has to look at that again. */
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
    const written =
      kind === "create"
        ? await this.#client.create(resource, object, { signal })
        : await this.#client.apply(resource, object, { signal, subresource });
    // What comes back also holds what others wrote in the meantime, and its event will not be news any more.
    if (bringsNews(kind, store?.get(written.metadata), written)) store?.note(written);
    else this.#note(() => store?.note(written));
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

/** Whether an object that we wrote differs from the one that was known in what we did not write. */
function bringsNews(kind: Write["kind"], before: KubeObject | undefined, after: KubeObject): boolean {
  if (before === undefined) return kind === "status" || othersPart(kind, after)["status"] !== undefined;
  return !isEqual(othersPart(kind, before), othersPart(kind, after));
}

function othersPart(kind: Write["kind"], object: KubeObject): Record<string, unknown> {
  const { metadata, status, ...rest } = object as KubeObject & { status?: unknown };
  const { uid, deletionTimestamp, annotations, labels } = metadata;
  return kind === "status" ? { rest, uid, deletionTimestamp, annotations, labels } : { status, uid, deletionTimestamp };
}
