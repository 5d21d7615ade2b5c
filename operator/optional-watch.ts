import { Informer, type InformerOptions } from "../kube/informer.ts";
import { isKubeError } from "../kube/kube-error.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { ObjectStore } from "../kube/store.ts";

/** Why a kind cannot be watched: nobody installed it, or the operator may not read it. */
export type Absence = "missing" | "forbidden";

/**
 * Watches a kind that others install, now, later or never. A missing kind is asked for again with the informer's growing
 * delay, half a minute at the most: one request for the whole cluster, however many apps wait for it.
 */
export class OptionalWatch<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #known = Promise.withResolvers<void>();
  readonly #listeners = new Set<() => void>();
  #absence: Absence | undefined;
  #isKnown = false;

  constructor(options: InformerOptions<T>) {
    const { client, onError } = options;
    this.#informer = new Informer({
      ...options,
      client: {
        list: async (resource, selection) => {
          const listed = await client.list(resource, selection);
          this.#note(undefined);
          return listed;
        },
        watch: (resource, selection) => client.watch(resource, selection),
      },
      onError: (thrown, retryAfterMs) => {
        if (isKubeError(thrown, "KUBE_NOT_FOUND")) return this.#note("missing");
        if (isKubeError(thrown, "KUBE_FORBIDDEN")) this.#note("forbidden");
        onError?.(thrown, retryAfterMs);
        return undefined;
      },
    });
  }

  get store(): ObjectStore<T> {
    return this.#informer.store;
  }

  /** Why nothing is known of the kind; undefined while it is served. */
  get absence(): Absence | undefined {
    return this.#absence;
  }

  /** True once it was listed, or found not to be there. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Resolves when it was listed for the first time, or found not to be there. */
  whenKnown(): Promise<void> {
    return this.#known.promise;
  }

  /** Calls `listener` whenever the kind comes or goes; returns what ends that. */
  onAbsenceChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#informer.start();
    void this.#informer.whenSynced().then(() => this.#settle());
  }

  stop(): Promise<void> {
    return this.#informer.stop();
  }

  #note(absence: Absence | undefined): void {
    const hasChanged = this.#absence !== absence;
    this.#absence = absence;
    if (absence !== undefined) this.#settle();
    if (hasChanged) for (const listener of this.#listeners) listener();
  }

  #settle(): void {
    this.#isKnown = true;
    this.#known.resolve();
  }
}
