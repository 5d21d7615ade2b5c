/** Identifies the object that owns another one: it goes with its owner. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The metadata that we use. `managedFields` are left out: nobody here reads them and they are half of many objects. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  /** A date in RFC 3339, like every other date in an object. */
  creationTimestamp?: string;
  deletionTimestamp?: string;
}

/** What every object has. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** Names an object of a known kind; without a namespace, one of the cluster. */
export interface ObjectRef {
  namespace?: string | undefined;
  name: string;
}

/** Turns a type of client-node into what the API server's JSON is: dates are texts, `_from` is `from`. */
export type AsJson<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? AsJson<Item>[]
    : T extends object
      ? { [Key in keyof T as Key extends `_${infer Name}` ? Name : Key]: AsJson<T[Key]> }
      : T;

/** An object whose fields beside its metadata are those of a type of client-node. */
export type ObjectLike<T> = KubeObject & Omit<AsJson<T>, keyof KubeObject>;

/** Returns `namespace/name`, or `name` for an object of the cluster: the key of stores and queues. */
export function keyOf({ namespace, name }: ObjectRef): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Reads a key that `keyOf` made. */
export function refOf(key: string): ObjectRef {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Returns an entry of `metadata.ownerReferences` that makes the owner the object's controller. */
export function controllerReference(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  if (metadata.uid === undefined) throw new Error(`the owner ${keyOf(metadata)} has no uid`);
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/**
 * Returns whether one resource version is older than another. Those of one resource are whole numbers that can be
 * compared (Kubernetes 1.35, KEP-5504); they exceed what a JavaScript number holds.
 */
export function isOlder(version: string | undefined, other: string | undefined): boolean {
  if (version === undefined || other === undefined) return false;
  return version.length === other.length ? version < other : version.length < other.length;
}

/** Returns a date as the API server wants it in fields of type MicroTime: with exactly six digits of a second. */
export function microTime(date: Date): string {
  return date.toISOString().replace("Z", "000Z");
}
