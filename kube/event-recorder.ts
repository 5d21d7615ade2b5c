import { randomBytes } from "node:crypto";
import { SYSTEM_TIMING, type Timing } from "../common/timing.ts";
import type { KubeClient } from "./client.ts";
import { isKubeError } from "./kube-error.ts";
import { keyOf, microTime, type KubeObject } from "./objects.ts";
import { EVENTS, type Event } from "./resources.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** What happened, for people who read `kubectl describe`. */
export interface EventNote {
  type: "Normal" | "Warning";
  /** Why, in one CamelCase word: `ImageResolved`. */
  reason: string;
  /** What we did or tried, in one CamelCase word: `ResolveImage`. */
  action: string;
  note: string;
}

export interface EventRecorderOptions {
  client: Pick<KubeClient, "create" | "mergePatch">;
  /** Which program speaks: `wasmlet.dev/operator`. */
  controller: string;
  /** Which process of it. */
  instance: string;
  /** Told why an event could not be sent. */
  onError?: (thrown: unknown) => void;
  timing?: Timing;
}

/** The same thing within this time is one event with a count. */
const SERIES_LIFE_MS = 6 * 60_000;
/** A count is written at most this often. */
const SERIES_WRITE_MS = 30_000;
const MAX_SERIES = 4096;
const MAX_QUEUED = 1000;
/** Different events about one object: so many at once, and then one every so often. */
const OBJECT_BURST = 25;
const OBJECT_REFILL_MS = 5 * 60_000;
const MAX_NOTE_LENGTH = 1024;
const MAX_WORD_LENGTH = 128;
const MAX_NAME_LENGTH = 230;

interface Series {
  event: Event;
  count: number;
  lastMs: number;
  lastTime: string;
  /** The count that the API server has; 0 before the event is created. */
  writtenCount: number;
  writtenMs: number;
  isQueued: boolean;
}

/**
 * Writes events about objects (events.k8s.io/v1). What repeats is one event with a count; whatever is too much is dropped
 * and counted. It never throws and never keeps anybody waiting.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #timing: Timing;
  readonly #series = new Map<string, Series>();
  readonly #buckets: TokenBuckets;
  readonly #queue: Series[] = [];
  readonly #stopping = new AbortController();
  #sending: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#timing = options.timing ?? SYSTEM_TIMING;
    const limits = { burst: OBJECT_BURST, refillMs: OBJECT_REFILL_MS, maxKeys: MAX_SERIES };
    this.#buckets = new TokenBuckets(limits, this.#timing);
  }

  /** Events that were not written: too many, or refused by the API server. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Says that something happened to an object. */
  record(regarding: KubeObject, note: EventNote): void {
    const key = [regarding.metadata.uid ?? keyOf(regarding.metadata), note.type, note.reason, note.action].join("\n");
    const now = this.#timing.now();
    const held = this.#series.get(key);
    if (held !== undefined && now - held.lastMs < SERIES_LIFE_MS) {
      held.count++;
      held.lastMs = now;
      held.lastTime = microTime(this.#timing.date());
      if (held.writtenCount < 2 || now - held.writtenMs >= SERIES_WRITE_MS) this.#enqueue(held);
      return;
    }
    if (!this.#buckets.take(regarding.metadata.uid ?? keyOf(regarding.metadata))) {
      this.#dropped++;
      return;
    }
    this.#begin(key, regarding, note, now);
  }

  /** Writes what is still to be written, as far as that is possible within a time. */
  async stop(timeoutMs = 2000): Promise<void> {
    for (const series of this.#series.values()) if (series.count > series.writtenCount) this.#enqueue(series);
    const done = new AbortController();
    const timeout = this.#timing.delay(timeoutMs, done.signal).catch(() => {});
    await Promise.race([this.#sending, timeout]);
    done.abort();
    this.#stopping.abort(new Error("the recorder stops"));
    await this.#sending;
  }

  #begin(key: string, regarding: KubeObject, note: EventNote, now: number): void {
    const event = this.#build(regarding, note);
    const lastTime = event.eventTime;
    const series = { event, count: 1, lastMs: now, lastTime, writtenCount: 0, writtenMs: now, isQueued: false };
    // Last in the map is what began last: the first one to go is the oldest.
    this.#series.delete(key);
    this.#series.set(key, series);
    if (this.#series.size > MAX_SERIES) this.#series.delete(this.#series.keys().next().value!);
    this.#enqueue(series);
  }

  #enqueue(series: Series): void {
    if (series.isQueued || this.#stopping.signal.aborted) return;
    if (this.#queue.length >= MAX_QUEUED) {
      this.#dropped++;
      return;
    }
    series.isQueued = true;
    this.#queue.push(series);
    this.#sending ??= this.#send();
  }

  async #send(): Promise<void> {
    await Promise.resolve();
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      series.isQueued = false;
      if (this.#stopping.signal.aborted) this.#dropped++;
      else await this.#write(series);
    }
    this.#sending = undefined;
  }

  async #write(series: Series): Promise<void> {
    const { count } = series;
    try {
      if (series.writtenCount === 0) await this.#create(series);
      else await this.#count(series);
      series.writtenCount = Math.max(count, 1);
      series.writtenMs = this.#timing.now();
    } catch (thrown) {
      this.#dropped++;
      if (!this.#stopping.signal.aborted) this.#options.onError?.(thrown);
    }
  }

  async #create({ event, count, lastTime }: Series): Promise<void> {
    const { signal } = this.#stopping;
    const counted = count < 2 ? event : { ...event, series: { count, lastObservedTime: lastTime } };
    try {
      await this.#options.client.create(EVENTS, counted, { signal });
    } catch (thrown) {
      // Its name is ours alone: it was created, and the answer got lost.
      if (!isKubeError(thrown, "KUBE_CONFLICT")) throw thrown;
    }
  }

  async #count(series: Series): Promise<void> {
    const { event, count, lastTime } = series;
    const { signal } = this.#stopping;
    try {
      const patch = { series: { count, lastObservedTime: lastTime } };
      await this.#options.client.mergePatch(EVENTS, event.metadata, patch, { signal });
    } catch (thrown) {
      if (!isKubeError(thrown, "KUBE_NOT_FOUND")) throw thrown;
      // The API server keeps events for an hour.
      await this.#create(series);
    }
  }

  #build({ apiVersion, kind, metadata }: KubeObject, { type, reason, action, note }: EventNote): Event {
    const { name, namespace, uid, resourceVersion } = metadata;
    const object = {
      apiVersion,
      kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    return {
      apiVersion: EVENTS.apiVersion,
      kind: EVENTS.kind,
      metadata: {
        name: `${name.slice(0, MAX_NAME_LENGTH)}.${randomBytes(8).toString("hex")}`,
        namespace: namespace ?? "default",
      },
      eventTime: microTime(this.#timing.date()),
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance.slice(0, MAX_WORD_LENGTH),
      type,
      reason: reason.slice(0, MAX_WORD_LENGTH),
      action: action.slice(0, MAX_WORD_LENGTH),
      note: truncate(note),
      regarding: object,
    };
  }
}

/** Shortens a text to the bytes that an event may have. */
function truncate(note: string): string {
  if (Buffer.byteLength(note) <= MAX_NOTE_LENGTH) return note;
  const bytes = Buffer.from(note).subarray(0, MAX_NOTE_LENGTH - 3);
  return `${bytes.toString("utf8").replace(/\uFFFD+$/, "")}…`;
}
