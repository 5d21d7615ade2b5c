import type { ClusterState } from "./cluster-state.ts";

/** Names that are remembered; pods of runtimes have names that are not given again. */
const MAX_NAMES = 20_000;

/**
 * Pods that were there and are gone. A pod that is merely not known is no such pod: its replica's report may have come
 * before it did.
 */
export class GonePods {
  readonly #names = new Set<string>();
  readonly #state: Pick<ClusterState, "pods" | "replicas">;

  constructor(state: Pick<ClusterState, "pods" | "replicas">) {
    this.#state = state;
  }

  /** Begins with those that replicas name and that are not there now; the state must be complete. */
  begin(): void {
    const known = new Set([...this.#state.pods.values()].map(({ metadata }) => metadata.name));
    for (const { status } of this.#state.replicas.values()) {
      if (status?.podName !== undefined && !known.has(status.podName)) this.note(status.podName);
    }
  }

  /** Notes that a pod was deleted. */
  note(name: string): void {
    this.#names.add(name);
    if (this.#names.size <= MAX_NAMES) return;
    const [oldest] = this.#names;
    this.#names.delete(oldest!);
  }

  /** Notes that a pod is there: what was not there at the beginning may only have been late. */
  forget(name: string): void {
    this.#names.delete(name);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }
}
