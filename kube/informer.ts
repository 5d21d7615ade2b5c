/**
 * Keeps a store equal to what the API server has: a list, then a watch from the version of the list on.
 *
 *     list ──ok──> watch ──ended in good order, or connection lost──> watch from the last version
 *      ^ │           │
 *      │ └─ error ───┴─ error: 410, 403, 500, garbage ──> wait, list anew
 *
 * A list is compared with the store, so that deletions between two watches are reported too. Nothing ends it but `stop`.
 */
import { Backoff } from "../common/backoff.ts";
import { SYSTEM_TIMING, type Timing } from "../common/timing.ts";
import type { Selection } from "./client-options.ts";
import type { KubeClient } from "./client.ts";
import { isKubeError } from "./kube-error.ts";
import { isOlder, type KubeObject } from "./objects.ts";
import type { Resource } from "./resources.ts";
import { jittered } from "./retry.ts";
import { ObjectStore, type IndexFunction } from "./store.ts";
import type { WatchEvent } from "./watch.ts";

export interface InformerOptions<T extends KubeObject> extends Selection {
  client: Pick<KubeClient, "list" | "watch">;
  /** `metadataOf(SECRETS)` where the contents are none of our business. */
  resource: Resource<T>;
  indices?: Readonly<Record<string, IndexFunction<T>>>;
  /** Told of every failure and of how long it waits before the next try; it may be nothing but a restart. */
  onError?: (thrown: unknown, retryAfterMs: number) => void;
  /** Called this often once the store is filled: for what does not show in any event. */
  resync?: { everyMs: number; run: () => void };
  timing?: Timing;
}

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 30_000;
/** A watch that ended sooner and brought nothing is a failure, however well-mannered. */
const MIN_WATCH_MS = 1000;
/** Watches end at different times, so that not all of them begin anew at once. */
const MIN_WATCH_SECONDS = 300;

/** Keeps `store` equal to the selected objects of one kind, whatever the API server and the network do. */
export class Informer<T extends KubeObject> {
  readonly store: ObjectStore<T>;
  readonly #options: InformerOptions<T>;
  readonly #timing: Timing;
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #version: string | undefined;
  #lastVersion: string | undefined;
  #isSynced = false;
  #lastContactMs: number | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#timing = options.timing ?? SYSTEM_TIMING;
    this.store = new ObjectStore(options.indices);
  }

  /** True once the store has been filled, for ever after; `lastContactMs` says how old it may be. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** When the API server was last heard, by the clock of `timing`; undefined when it never was. */
  get lastContactMs(): number | undefined {
    return this.#lastContactMs;
  }

  /** The version up to which the store is complete; undefined while it is being read anew. */
  get resourceVersion(): string | undefined {
    return this.#version;
  }

  /** Resolves when the store is filled for the first time, however long that takes. */
  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Begins; does not wait for anything. */
  start(): void {
    this.#running ??= Promise.all([this.#run(), this.#resync()]);
  }

  /** Ends; the store stays as it is. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the informer stops"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(FIRST_DELAY_MS, MAX_DELAY_MS);
    let wasUnreachable = false;
    while (!this.#isStopping) {
      try {
        if (this.#version === undefined) await this.#list();
        await this.#watch(backoff);
      } catch (thrown) {
        if (this.#isStopping) return;
        // Where nothing but the connection was lost, the versions are still good; a herd of lists is not.
        const isUnreachable = isKubeError(thrown, "KUBE_UNREACHABLE");
        if (!isUnreachable) this.#version = undefined;
        // It answers again, and only has forgotten the version: what was waited for is there.
        if (wasUnreachable && isKubeError(thrown, "KUBE_EXPIRED")) backoff.reset();
        wasUnreachable = isUnreachable;
        const delayMs = jittered(backoff.next(), this.#timing.random());
        this.#options.onError?.(thrown, delayMs);
        await this.#delay(delayMs);
      }
    }
  }

  async #list(): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const { signal } = this.#stopping;
    const { items, resourceVersion } = await client.list(resource, { namespace, labelSelector, fieldSelector, signal });
    if (this.#isStopping) return;
    // The list is what is true now. If it is older than what was true before, etcd was restored from a backup.
    if (isOlder(resourceVersion, this.#lastVersion)) this.store.reset(items, resourceVersion);
    else this.store.replace(items, resourceVersion);
    this.#reached(resourceVersion);
    this.#isSynced = true;
    this.#synced.resolve();
  }

  async #watch(backoff: Backoff): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const { signal } = this.#stopping;
    const beganMs = this.#timing.now();
    let events = 0;
    const timeoutSeconds = Math.round(MIN_WATCH_SECONDS * (1 + this.#timing.random()));
    const selection = { namespace, labelSelector, fieldSelector };
    const options = { ...selection, resourceVersion: this.#version!, timeoutSeconds, signal };
    for await (const event of client.watch(resource, options)) {
      if (this.#isStopping) return;
      if (events++ === 0) backoff.reset();
      this.#note(event);
    }
    if (events === 0 && this.#timing.now() - beganMs < MIN_WATCH_MS) throw new Error("the watch ended at once");
    this.#lastContactMs = this.#timing.now();
    backoff.reset();
  }

  #note(event: WatchEvent<T>): void {
    switch (event.type) {
      case "ADDED":
      case "MODIFIED":
        this.store.note(event.object);
        break;
      case "DELETED":
        this.store.noteDeletion(event.object);
        break;
      case "BOOKMARK":
        break;
    }
    const version = event.type === "BOOKMARK" ? event.resourceVersion : event.object.metadata.resourceVersion!;
    this.#reached(isOlder(version, this.#version) ? this.#version! : version);
  }

  #reached(version: string): void {
    this.#version = version;
    this.#lastVersion = version;
    this.store.noteProgress(version);
    this.#lastContactMs = this.#timing.now();
  }

  async #resync(): Promise<void> {
    const { resync } = this.#options;
    if (resync === undefined) return;
    await Promise.race([this.#synced.promise, this.#delay(2 ** 31 - 1)]);
    while (!this.#isStopping) {
      await this.#delay(resync.everyMs);
      if (!this.#isStopping) resync.run();
    }
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Waits, at most until it is stopped. */
  #delay(milliseconds: number): Promise<void> {
    return this.#timing.delay(milliseconds, this.#stopping.signal).catch(() => {});
  }
}
