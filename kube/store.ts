import { isOlder, keyOf, type KubeObject, type ObjectRef } from "./objects.ts";

/** Told of every change: `before` is undefined for an object that is new, `after` for one that is gone. */
export type OnChange<T> = (before: T | undefined, after: T | undefined) => void;

/** Returns the values under which an object is found in an index. */
export type IndexFunction<T> = (object: T) => Iterable<string>;

/** Deletions that are remembered, so that what was on its way before does not bring the object back. */
const MAX_TOMBSTONES = 10_000;

/**
 * The objects of one kind as they were last seen, by namespace and name and by indices. Whoever writes an object notes the
 * result here, and so reads their own writes; what comes later but is older than what is held changes nothing.
 *
 * Objects are shared: nobody changes them.
 */
export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indices = new Map<string, { valuesOf: IndexFunction<T>; keys: Map<string, Map<string, T>> }>();
  readonly #listeners = new Set<OnChange<T>>();
  /** Uids of objects that are known to be gone, and at which version: undefined where we deleted one ourselves. */
  readonly #tombstones = new Map<string, string | undefined>();
  #completeTo: string | undefined;

  constructor(indices: Readonly<Record<string, IndexFunction<T>>> = {}) {
    for (const [name, valuesOf] of Object.entries(indices)) this.#indices.set(name, { valuesOf, keys: new Map() });
  }

  get size(): number {
    return this.#objects.size;
  }

  /** The version up to which everything has been taken in; undefined before the first list. */
  get version(): string | undefined {
    return this.#completeTo;
  }

  /** Returns an object, by its name or by its key (`namespace/name`). */
  get(ref: ObjectRef | string): T | undefined {
    return this.#objects.get(typeof ref === "string" ? ref : keyOf(ref));
  }

  /** Returns all objects, in no order that means anything. */
  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** Returns the objects that an index has under a value. */
  by(index: string, value: string): T[] {
    const entry = this.#indices.get(index);
    if (entry === undefined) throw new Error(`no index is called ${index}`);
    return [...(entry.keys.get(value)?.values() ?? [])];
  }

  /** Calls `listener` at every change from now on; returns what ends that. */
  onChange(listener: OnChange<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes in an object that was read, or that a write returned; false when something newer is known already. Where there is
   * a selector, only what it selects belongs here.
   */
  note(object: T): boolean {
    const { resourceVersion } = object.metadata;
    const isAbsent = !this.#objects.has(keyOf(object.metadata));
    // What is not there although everything of that time is, has been deleted since.
    if (isAbsent && this.#completeTo !== undefined && !isOlder(this.#completeTo, resourceVersion)) return false;
    return this.#take(object);
  }

  /** Says that everything that happened up to a version has been taken in. */
  noteProgress(version: string): void {
    this.#completeTo = version;
  }

  /** Takes out an object that was seen to be deleted, at this version of it; false when a newer one is held. */
  noteDeletion(object: T): boolean {
    const { uid, resourceVersion } = object.metadata;
    if (uid !== undefined) this.#bury(uid, resourceVersion);
    const key = keyOf(object.metadata);
    const held = this.#objects.get(key);
    if (held === undefined) return false;
    if (held.metadata.uid !== uid && isOlder(resourceVersion, held.metadata.resourceVersion)) return false;
    this.#set(key, held, undefined);
    return true;
  }

  /** Takes out the object that we deleted ourselves, unless another one has taken its name. */
  noteDeleted(ref: ObjectRef, uid: string): boolean {
    this.#bury(uid);
    const key = keyOf(ref);
    const held = this.#objects.get(key);
    if (held?.metadata.uid !== uid) return false;
    this.#set(key, held, undefined);
    return true;
  }

  /** Makes the store what a list says; what was noted after the list was made stays. */
  replace(objects: Iterable<T>, listVersion: string): void {
    const listed = new Set<string>();
    for (const object of objects) {
      listed.add(keyOf(object.metadata));
      this.#take(object);
    }
    for (const [key, held] of this.#objects) {
      if (listed.has(key) || isOlder(listVersion, held.metadata.resourceVersion)) continue;
      this.#set(key, held, undefined);
    }
    this.noteProgress(listVersion);
  }

  /** Makes the store exactly what a list says, whatever it knew: the API server's history began anew, from a backup. */
  reset(objects: Iterable<T>, listVersion: string): void {
    this.#tombstones.clear();
    this.noteProgress(listVersion);
    const listed = new Map([...objects].map((object) => [keyOf(object.metadata), object]));
    for (const [key, held] of this.#objects) if (!listed.has(key)) this.#set(key, held, undefined);
    for (const [key, object] of listed) {
      const held = this.#objects.get(key);
      if (
        held?.metadata.resourceVersion !== object.metadata.resourceVersion ||
        held?.metadata.uid !== object.metadata.uid
      ) {
        this.#set(key, held, object);
      }
    }
  }

  #take(object: T): boolean {
    const key = keyOf(object.metadata);
    const { uid, resourceVersion } = object.metadata;
    const held = this.#objects.get(key);
    if (uid !== undefined && this.#tombstones.has(uid)) {
      // Newer than its deletion: a field selects it that had another value in between.
      if (!isOlder(this.#tombstones.get(uid), resourceVersion)) return false;
      this.#tombstones.delete(uid);
    }
    if (held !== undefined && !isOlder(held.metadata.resourceVersion, resourceVersion)) return false;
    this.#set(key, held, object);
    return true;
  }

  #set(key: string, before: T | undefined, after: T | undefined): void {
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    for (const { valuesOf, keys } of this.#indices.values()) {
      if (before !== undefined) for (const value of valuesOf(before)) remove(keys, value, key);
      if (after !== undefined) for (const value of valuesOf(after)) add(keys, value, key, after);
    }
    for (const listener of this.#listeners) listener(before, after);
  }

  #bury(uid: string, version?: string): void {
    this.#tombstones.set(uid, version);
    if (this.#tombstones.size <= MAX_TOMBSTONES) return;
    const [oldest] = this.#tombstones.keys();
    this.#tombstones.delete(oldest!);
  }
}

function add<T>(index: Map<string, Map<string, T>>, value: string, key: string, object: T): void {
  const objects = index.get(value);
  if (objects === undefined) index.set(value, new Map([[key, object]]));
  else objects.set(key, object);
}

function remove<T>(index: Map<string, Map<string, T>>, value: string, key: string): void {
  const objects = index.get(value);
  objects?.delete(key);
  if (objects?.size === 0) index.delete(value);
}
