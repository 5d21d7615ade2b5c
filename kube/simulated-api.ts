import { KubeError, type KubeErrorCode } from "./kube-error.ts";
import { keyOf, type KubeObject, type ObjectRef } from "./objects.ts";
import type { Resource } from "./resources.ts";
import type { KubeClient } from "./client.ts";
import type { WatchOptions, PatchOptions, DeleteOptions, DeleteOutcome, ListOptions } from "./client-options.ts";
import type { WatchEvent } from "./watch.ts";

interface Change {
  version: number;
  plural: string;
  type: "ADDED" | "MODIFIED" | "DELETED";
  object: KubeObject;
}

/**
 * An API server in memory for tests, with the methods of `KubeClient`: versions, conflicts, watches and, when the test
 * wants them, faults. It knows one namespace from another by their objects only, and no selectors.
 */
export class SimulatedApi implements Pick<
  KubeClient,
  "get" | "list" | "watch" | "create" | "replace" | "apply" | "mergePatch" | "delete"
> {
  #version = 0;
  #objects = new Map<string, KubeObject>();
  #log: Change[] = [];
  #compacted = 0;
  #uids = 0;
  #faults: Error[] = [];
  #watchEpoch = 0;
  #watchEnd: Error | undefined;
  #changed = Promise.withResolvers<void>();

  /** The next requests fail with these errors, one each. */
  failNext(...errors: Error[]): void {
    this.#faults.push(...errors);
  }

  /** Ends all watches: in good order, or with an error. */
  endWatches(error?: Error): void {
    this.#watchEpoch++;
    this.#watchEnd = error;
    this.#wake();
  }

  /** Forgets the past: watches from before can't go on. */
  compact(): void {
    this.#compacted = this.#version;
    this.#log = [];
  }

  /** Returns what `restore` brings back, as a backup of etcd does. */
  backup(): () => void {
    const [version, objects] = [this.#version, new Map(this.#objects)];
    return () => {
      this.#version = version;
      this.#objects = new Map(objects);
      this.compact();
      this.endWatches(errorOf("KUBE_UNREACHABLE"));
    };
  }

  /** Returns all objects of a kind as they are now. */
  objects<T extends KubeObject>({ plural }: Resource<T>): T[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${plural}/`)).map(([, object]) => object as T);
  }

  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T | undefined> {
    await this.#answer();
    return structuredClone(this.#objects.get(pathOf(resource, ref))) as T | undefined;
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    _options?: ListOptions,
  ): Promise<{ items: T[]; resourceVersion: string }> {
    await this.#answer();
    return { items: structuredClone(this.objects(resource)), resourceVersion: String(this.#version) };
  }

  async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    await this.#answer();
    let seen = Number(options.resourceVersion);
    if (seen < this.#compacted) throw errorOf("KUBE_EXPIRED");
    if (seen > this.#version) throw errorOf("KUBE_REFUSED");
    const epoch = this.#watchEpoch;
    const aborted = new Promise<void>((resolve) => options.signal?.addEventListener("abort", () => resolve()));
    for (;;) {
      const changed = this.#changed.promise;
      for (const { version, plural, type, object } of this.#log.slice()) {
        if (version <= seen || plural !== resource.plural) continue;
        if (epoch !== this.#watchEpoch) break;
        seen = version;
        yield { type, object: structuredClone(object) as T };
      }
      options.signal?.throwIfAborted();
      if (epoch !== this.#watchEpoch) {
        if (this.#watchEnd !== undefined) throw this.#watchEnd;
        return;
      }
      await Promise.race([changed, aborted]);
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    await this.#answer();
    if (this.#objects.has(pathOf(resource, object.metadata))) throw errorOf("KUBE_CONFLICT");
    return this.#write(resource, object);
  }

  async replace<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    await this.#answer();
    this.#held(resource, object.metadata, object.metadata.resourceVersion);
    return this.#write(resource, object);
  }

  async apply<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    await this.#answer();
    const held = this.#objects.get(pathOf(resource, object.metadata));
    return this.#write(resource, held === undefined ? object : (merge(held, object) as T));
  }

  async mergePatch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: object,
    { resourceVersion }: PatchOptions = {},
  ): Promise<T> {
    await this.#answer();
    return this.#write(resource, merge(this.#held(resource, ref, resourceVersion), patch) as T);
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    { uid, resourceVersion }: DeleteOptions = {},
  ): Promise<DeleteOutcome> {
    await this.#answer();
    const path = pathOf(resource, ref);
    const held = this.#objects.get(path);
    if (held === undefined) return "absent";
    if (uid !== undefined && uid !== held.metadata.uid) throw errorOf("KUBE_CONFLICT");
    this.#held(resource, ref, resourceVersion);
    this.#objects.delete(path);
    const version = ++this.#version;
    const metadata = { ...held.metadata, resourceVersion: String(version) };
    this.#record({ version, plural: resource.plural, type: "DELETED", object: { ...held, metadata } });
    return "deleted";
  }

  #held<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, version: string | undefined): T {
    const held = this.#objects.get(pathOf(resource, ref));
    if (held === undefined) throw errorOf("KUBE_NOT_FOUND");
    if (version !== undefined && version !== held.metadata.resourceVersion) throw errorOf("KUBE_CONFLICT");
    return held as T;
  }

  #write<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const path = pathOf(resource, object.metadata);
    const before = this.#objects.get(path);
    const uid = before?.metadata.uid ?? `uid-${++this.#uids}`;
    const after = structuredClone({ ...object, metadata: { ...object.metadata, uid, resourceVersion: "" } });
    const isSame = before !== undefined && isEqual(before, after);
    if (isSame) return structuredClone(before) as T;
    const version = ++this.#version;
    after.metadata.resourceVersion = String(version);
    this.#objects.set(path, after);
    const type = before === undefined ? "ADDED" : "MODIFIED";
    this.#record({ version, plural: resource.plural, type, object: after });
    return structuredClone(after);
  }

  #record(change: Change): void {
    this.#log.push(change);
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Answers later, as every server does, or fails. */
  async #answer(): Promise<void> {
    await Promise.resolve();
    const fault = this.#faults.shift();
    if (fault !== undefined) throw fault;
  }
}

/** Returns an error as the API server, or the way to it, makes it. */
export function errorOf(code: KubeErrorCode): KubeError {
  return new KubeError(code, `simulated: ${code}`);
}

function pathOf({ plural }: Resource<KubeObject>, { namespace, name }: ObjectRef): string {
  return `${plural}/${keyOf({ namespace, name })}`;
}

function isEqual(before: KubeObject, after: KubeObject): boolean {
  return contentOf(before) === contentOf(after);
}

function contentOf(object: KubeObject): string {
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: "" } });
}

/** Merges as RFC 7396 says. */
function merge(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as object) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value);
  }
  return result;
}
