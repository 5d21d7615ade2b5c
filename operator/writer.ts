import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/objects.ts";
import { isEqual } from "./apps/writes.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { OperatorMetrics } from "./metrics.ts";

/**
 * One request to the API server. `apply` is for objects in which others have fields too (server-side apply); those that are
 * ours alone are created and replaced as a whole, which costs the API server half as much. What is replaced, and a status,
 * must still have the version that was observed: else the write fails, and what is there now is looked at anew.
 */
export interface Write {
  kind: "apply" | "create" | "replace" | "status" | "delete";
  resource: AnyResource;
  object: KubeObject;
}

type AnyResource = Parameters<ClusterState["storeOf"]>[0];

/** What writes are sent with. */
export type WriteClient = Pick<KubeClient, "apply" | "create" | "replace" | "delete">;

/** Sends writes, and notes their results in the stores at once: what is planned next sees them. */
export class Writer {
  readonly #client: WriteClient;
  readonly #state: Pick<ClusterState, "storeOf">;
  readonly #metrics: OperatorMetrics;
  #isNoting = false;

  constructor(client: WriteClient, state: Pick<ClusterState, "storeOf">, metrics: OperatorMetrics) {
    this.#client = client;
    this.#state = state;
    this.#metrics = metrics;
  }

  /** True while a store changes because of our own write, and of nothing else: nobody has to look at that again. */
  get isNoting(): boolean {
    return this.#isNoting;
  }

  /**
   * Sends the writes of one step after those of another, and those of a step at once; throws KUBE_* when one fails, and the
   * steps that follow are not begun.
   */
  async send(steps: readonly (readonly Write[])[], signal: AbortSignal): Promise<void> {
    for (const writes of steps) {
      signal.throwIfAborted();
      const outcomes = await Promise.allSettled(writes.map((write) => this.#send(write, signal)));
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    }
  }

  async #send({ kind, resource, object }: Write, signal: AbortSignal): Promise<void> {
    const store = this.#state.storeOf(resource);
    if (kind === "delete") {
      const { uid = "" } = object.metadata;
      const outcome = await this.#client.delete(resource, object.metadata, { uid, signal });
      // What finalizers keep is still there, and what is absent may be there again.
      if (outcome === "deleted") this.#note(() => store?.noteDeleted(object.metadata, uid));
      this.#metrics.writes.inc({ verb: kind, resource: resource.plural });
      return;
    }
    const written = await this.#ask(kind, resource, object, signal);
    this.#metrics.writes.inc({ verb: kind, resource: resource.plural });
    // What comes back also holds what others wrote in the meantime, and its event will not be news any more.
    if (bringsNews(kind, store?.get(written.metadata), written)) store?.note(written);
    else this.#note(() => store?.note(written));
  }

  #ask(
    kind: Exclude<Write["kind"], "delete">,
    resource: AnyResource,
    object: KubeObject,
    signal: AbortSignal,
  ): Promise<KubeObject> {
    if (kind === "apply") return this.#client.apply(resource, object, { signal });
    if (kind === "create") return this.#client.create(resource, object, { signal });
    return this.#client.replace(resource, object, { signal, subresource: kind === "status" ? "status" : undefined });
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
