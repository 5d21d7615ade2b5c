import type { Timing } from "../../common/timing.ts";
import { WasmletError } from "../../common/errors.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type { ConfigMap, SecretObject } from "../../kube/resources.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import { referenceKey, type Reference } from "./references.ts";

/*
 * Reads what apps refer to, by name. Who wishes for an object gets what was read after the wish: the operator puts the
 * versions of an app's objects into its revision, so a new revision has to see at least those. Wishes that come together
 * share one reading; nothing is kept once every wish for it is met.
 */

/** What is read: the contents are with the apps alone. */
export type ReferencedObject = ConfigMap | SecretObject;

export interface ReferenceReaderOptions {
  /** Returns an object, or undefined where there is none; throws KUBE_* errors. */
  read: (reference: Omit<Reference, "isOptional">, signal: AbortSignal) => Promise<ReferencedObject | undefined>;
  /** Called when a wish may have been met. */
  onRead: () => void;
  timing: Timing;
}

/** What became of a wish: every object that is there, or why the app cannot have what it needs. */
export type Wished =
  | { objects: ReferencedObject[]; problem?: undefined }
  | { objects?: undefined; problem: WasmletError };

interface Wish {
  /** Its place in the order of wishes and readings. */
  turn: number;
  sinceMs: number;
  references: readonly Reference[];
}

/** What a reading found; without an object there is none. */
interface Reading {
  turn: number;
  object?: ReferencedObject | undefined;
  isForbidden: boolean;
}

const READ_CONCURRENCY = 8;
/** Soon: what an app may read is granted at the moment at which it is placed. */
const FIRST_RETRY_MS = 25;
const MAX_RETRY_MS = 60_000;
/** The operator's grant reaches the API server's authoriser a moment after the replica reaches us. */
const GRANT_GRACE_MS = 5000;
/** What was on disk counts for every wish that comes before the API server does. */
const RESTORED = Number.POSITIVE_INFINITY;

/** Told to a key's queue so that it tries again later. */
class NotYet extends Error {}

export class ReferenceReader {
  readonly #options: ReferenceReaderOptions;
  readonly #queue: WorkQueue;
  readonly #wishes = new Map<string, Wish>();
  readonly #readings = new Map<string, Reading>();
  readonly #wishers = new Map<string, Map<string, Reference>>();
  #turn = 0;

  constructor(options: ReferenceReaderOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      run: (key, signal) => this.#read(key, signal),
      concurrency: READ_CONCURRENCY,
      firstDelayMs: FIRST_RETRY_MS,
      maxDelayMs: MAX_RETRY_MS,
      timing: options.timing,
    });
  }

  /** Returns what was read for a wisher; undefined while it is being read. A wish that is met has to be forgotten. */
  wish(wisher: string, references: readonly Reference[]): Wished | undefined {
    const wish = this.#wishes.get(wisher) ?? this.#begin(wisher, references);
    const readings = wish.references.map((reference) => ({ reference, reading: this.#readingFor(reference, wish) }));
    const problem = readings.flatMap(({ reference, reading }) => problemOf(reference, reading)).at(0);
    if (readings.some(({ reading }) => reading === undefined)) return undefined;
    if (problem !== undefined) return { problem };
    return { objects: readings.flatMap(({ reading }) => reading?.object ?? []) };
  }

  /** Ends a wish: nothing more is read for it. */
  forget(wisher: string): void {
    const wish = this.#wishes.get(wisher);
    this.#wishes.delete(wisher);
    for (const reference of wish?.references ?? []) {
      const key = referenceKey(reference);
      const wishers = this.#wishers.get(key);
      wishers?.delete(wisher);
      if (wishers === undefined || wishers.size > 0) continue;
      this.#wishers.delete(key);
      if (this.#readings.get(key)?.turn !== RESTORED) this.#readings.delete(key);
    }
  }

  /** Takes what was kept on disk as if it had been read, until the API server is there. */
  restore(objects: readonly ReferencedObject[]): void {
    for (const object of objects) {
      const { kind, metadata } = object;
      const key = referenceKey({
        kind: kind as Reference["kind"],
        namespace: metadata.namespace ?? "",
        name: metadata.name,
      });
      this.#readings.set(key, { turn: RESTORED, object, isForbidden: false });
    }
  }

  /** Takes nothing from the disk any more. */
  forgetRestored(): void {
    for (const [key, { turn }] of this.#readings) if (turn === RESTORED) this.#readings.delete(key);
    for (const key of this.#wishers.keys()) this.#queue.add(key);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  #begin(wisher: string, references: readonly Reference[]): Wish {
    const wish = { turn: ++this.#turn, sinceMs: this.#options.timing.now(), references };
    this.#wishes.set(wisher, wish);
    for (const reference of references) {
      const key = referenceKey(reference);
      const wishers = this.#wishers.get(key) ?? new Map<string, Reference>();
      this.#wishers.set(key, wishers.set(wisher, reference));
      if (this.#readings.get(key)?.turn !== RESTORED) this.#queue.add(key);
    }
    return wish;
  }

  #readingFor(reference: Reference, { turn, sinceMs }: Wish): Reading | undefined {
    const reading = this.#readings.get(referenceKey(reference));
    if (reading === undefined || reading.turn < turn) return undefined;
    const waits = reading.isForbidden && this.#options.timing.now() - sinceMs < GRANT_GRACE_MS;
    return waits ? undefined : reading;
  }

  async #read(key: string, signal: AbortSignal): Promise<void> {
    const references = [...(this.#wishers.get(key)?.values() ?? [])];
    const [reference] = references;
    if (reference === undefined) return;
    const reading = await this.#reading(++this.#turn, reference, signal);
    if (!this.#wishers.has(key)) return;
    this.#readings.set(key, reading);
    this.#options.onRead();
    const isNeeded = references.some(({ isOptional }) => !isOptional);
    if (reading.isForbidden || (reading.object === undefined && isNeeded)) throw new NotYet(key);
  }

  async #reading(turn: number, reference: Reference, signal: AbortSignal): Promise<Reading> {
    try {
      return { turn, object: await this.#options.read(reference, signal), isForbidden: false };
    } catch (thrown) {
      if (isKubeError(thrown, "KUBE_FORBIDDEN")) return { turn, isForbidden: true };
      throw thrown;
    }
  }
}

function problemOf({ kind, namespace, name, isOptional }: Reference, reading: Reading | undefined): WasmletError[] {
  if (reading === undefined || reading.object !== undefined) return [];
  const where = `namespace ${namespace}`;
  if (reading.isForbidden) {
    return [
      new WasmletError("APP_REFERENCE_MISSING", `this node may not read ${kind} ${name}`, {
        where,
        fix: "Nothing, at first: the operator lets each node read what its apps refer to. If it stays, see that the operator runs.",
      }),
    ];
  }
  if (isOptional) return [];
  return [
    new WasmletError("APP_REFERENCE_MISSING", `${kind} ${name} is not there`, {
      where,
      fix: "Create the object, or mark the reference optional.",
    }),
  ];
}
