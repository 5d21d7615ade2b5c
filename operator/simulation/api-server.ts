import { KubeError, type KubeErrorCode } from "../../kube/kube-error.ts";
import { keyOf, type KubeObject, type ObjectRef } from "../../kube/objects.ts";
import type { Resource } from "../../kube/resources.ts";
import { isEqual } from "../apps/writes.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

/** What happened to an object, as a watch tells it. */
export interface Change {
  version: number;
  type: "ADDED" | "MODIFIED" | "DELETED";
  object: KubeObject;
}

type AnyResource = Pick<Resource<KubeObject>, "plural" | "apiVersion" | "kind">;

/** Versions begin here, so that all of them have the same number of digits. */
const FIRST_VERSION = 1_000_000;
const COLLECT_MS = { first: 20, last: 8000 };

/**
 * An API server in memory: versions, generations, uids, status as a subresource, server-side apply for one manager per
 * object and subresource, deletion with preconditions, and a garbage collector that comes some time later.
 */
export class ApiServer {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #changes = new Map<string, Change[]>();
  readonly #listeners = new Set<(plural: string, change: Change) => void>();
  readonly #uids = new Set<string>();
  #version = FIRST_VERSION;
  #uid = 0;

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  get version(): number {
    return this.#version;
  }

  onChange(listener: (plural: string, change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Returns the objects of a kind as they are now; nobody may change them. */
  list<T extends KubeObject>({ plural }: Resource<T>): T[] {
    return [...this.#of(plural).values()] as T[];
  }

  get<T extends KubeObject>({ plural }: Resource<T>, ref: ObjectRef): T | undefined {
    return this.#of(plural).get(keyOf(ref)) as T | undefined;
  }

  /** Returns what happened to objects of a kind after a version. */
  changesAfter(plural: string, version: number): Change[] {
    return (this.#changes.get(plural) ?? []).filter((change) => change.version > version);
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T): T {
    if (this.get(resource, object.metadata) !== undefined) throw failure("KUBE_CONFLICT");
    const made = asJson(object);
    const isBare =
      resource.plural === "services" && (made as { spec?: { clusterIP?: string } }).spec?.clusterIP === undefined;
    return this.#write(resource, isBare ? withAddress(made, undefined) : made);
  }

  /** Makes the spec, or the status, and the metadata that the manager owns what is given: what it leaves out is gone. */
  apply<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): T {
    const held = this.get<KubeObject>(resource, object.metadata);
    const { status, ...rest } = asJson(object) as T & { status?: unknown };
    if (subresource === "status") {
      if (held === undefined) throw failure("KUBE_NOT_FOUND");
      return this.#write(resource, { ...held, status } as unknown as T);
    }
    const kept = held as { status?: unknown; spec?: { clusterIP?: string } } | undefined;
    const whole = { ...rest, ...(kept?.status !== undefined && { status: kept.status }) } as unknown as T;
    return this.#write(resource, resource.plural === "services" ? withAddress(whole, kept?.spec?.clusterIP) : whole);
  }

  /** Makes the spec, or the status, what is given, if the object still has the version that it was read with. */
  replace<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): T {
    const held = this.get<KubeObject>(resource, object.metadata);
    if (held === undefined) throw failure("KUBE_NOT_FOUND");
    if (held.metadata.resourceVersion !== object.metadata.resourceVersion) throw failure("KUBE_CONFLICT");
    return this.apply(resource, object, subresource);
  }

  /** Changes an object that is there, as somebody with the whole of it in an editor does. */
  edit<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, change: (object: T) => void): T | undefined {
    const held = this.get(resource, ref);
    if (held === undefined) return undefined;
    const edited = asJson(held);
    change(edited);
    return this.#write(resource, asJson(edited));
  }

  /** Writes a status if the object still has the version that was read. */
  replaceStatus<T extends KubeObject>(resource: Resource<T>, { metadata }: T, status: unknown): T {
    const held = this.get<KubeObject>(resource, metadata);
    if (held === undefined) throw failure("KUBE_NOT_FOUND");
    if (held.metadata.resourceVersion !== metadata.resourceVersion) throw failure("KUBE_CONFLICT");
    return this.#write(resource, { ...held, status: asJson(status) } as unknown as T);
  }

  /** Deletes an object; what it owns goes some time later. */
  delete(resource: AnyResource, ref: ObjectRef, uid?: string): "deleted" | "absent" {
    const objects = this.#of(resource.plural);
    const held = objects.get(keyOf(ref));
    if (held === undefined) return "absent";
    if (uid !== undefined && uid !== held.metadata.uid) throw failure("KUBE_CONFLICT");
    objects.delete(keyOf(ref));
    this.#uids.delete(held.metadata.uid ?? "");
    this.#record(resource.plural, "DELETED", held);
    this.#collectLater();
    return "deleted";
  }

  #write<T extends KubeObject>(resource: AnyResource, object: T): T {
    const objects = this.#of(resource.plural);
    const key = keyOf(object.metadata);
    const before = objects.get(key);
    const { uid, creationTimestamp } = before?.metadata ?? {
      uid: `uid-${String(++this.#uid)}`,
      creationTimestamp: this.#scheduler.date.toISOString(),
    };
    const generation = (before?.metadata.generation ?? 0) + (isSameSpec(before, object) ? 0 : 1);
    const version = before?.metadata.resourceVersion;
    const metadata = { ...object.metadata, uid, creationTimestamp, generation, resourceVersion: version };
    const after = { ...object, metadata } as T;
    if (before !== undefined && isEqual(before, after)) return before as T;
    objects.set(key, after);
    this.#uids.add(uid ?? "");
    this.#record(resource.plural, before === undefined ? "ADDED" : "MODIFIED", after);
    if (this.#isOrphan(after)) this.#collectLater();
    return objects.get(key) as T;
  }

  #record(plural: string, type: Change["type"], object: KubeObject): void {
    const version = ++this.#version;
    const recorded = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    if (type !== "DELETED") this.#of(plural).set(keyOf(object.metadata), recorded);
    const change = { version, type, object: recorded };
    const changes = this.#changes.get(plural) ?? [];
    changes.push(change);
    this.#changes.set(plural, changes);
    for (const listener of this.#listeners) listener(plural, change);
  }

  #collectLater(): void {
    this.#scheduler.after(this.#random.between(COLLECT_MS.first, COLLECT_MS.last), () => this.#collect());
  }

  #collect(): void {
    for (const [plural, objects] of this.#objects) {
      for (const object of objects.values()) {
        if (this.#isOrphan(object)) this.delete({ plural, apiVersion: "", kind: "" }, object.metadata);
      }
    }
  }

  #isOrphan({ metadata: { ownerReferences } }: KubeObject): boolean {
    return ownerReferences !== undefined && !ownerReferences.some(({ uid }) => this.#uids.has(uid));
  }

  #of(plural: string): Map<string, KubeObject> {
    const known = this.#objects.get(plural);
    if (known !== undefined) return known;
    const made = new Map<string, KubeObject>();
    this.#objects.set(plural, made);
    return made;
  }
}

/** Returns an error as the API server, or the way to it, makes it. */
export function failure(code: KubeErrorCode): KubeError {
  return new KubeError(code, `simulated: ${code}`);
}

/** Returns a copy as it arrives: a field that is undefined is not there. */
function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function specOf(object: KubeObject): unknown {
  return (object as { spec?: unknown }).spec;
}

function isSameSpec(before: KubeObject | undefined, after: KubeObject): boolean {
  return before !== undefined && isEqual(specOf(before), specOf(after));
}

/** The API server gives a Service an address, which no manager's apply takes away. */
function withAddress<T extends KubeObject>(object: T, address: string | undefined): T {
  const { spec } = object as { spec?: object };
  return { ...object, spec: { ...spec, clusterIP: address ?? "10.96.0.1" } };
}
