import { WasmletError } from "../../common/errors.ts";
import type { ConfigMap, Secret } from "../../crds/manifest/core-objects.ts";

type Kind = "ConfigMap" | "Secret";

/** Finds the ConfigMaps and Secrets of one namespace, and their keys as bytes. */
export class ObjectLookup {
  readonly #namespace: string;
  readonly #objects: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

  constructor(namespace: string, configMaps: readonly ConfigMap[], secrets: readonly Secret[]) {
    this.#namespace = namespace;
    const inNamespace = ({ metadata }: { metadata: { namespace: string } }): boolean =>
      metadata.namespace === namespace;
    this.#objects = new Map([
      ...configMaps
        .filter(inNamespace)
        .map((map) => [`ConfigMap ${map.metadata.name}`, entriesOfConfigMap(map)] as const),
      ...secrets
        .filter(inNamespace)
        .map((secret) => [`Secret ${secret.metadata.name}`, entriesOfSecret(secret)] as const),
    ]);
  }

  /** Returns all entries of an object; undefined when it is missing and `optional`, else APP_REFERENCE_MISSING. */
  entries(kind: Kind, name: string, optional = false): ReadonlyMap<string, Uint8Array> | undefined {
    const entries = this.#objects.get(`${kind} ${name}`);
    if (entries === undefined && !optional) throw this.#missing(`${kind} ${name}`);
    return entries;
  }

  /** Returns one key of an object, likewise. */
  key(kind: Kind, name: string, key: string, optional = false): Uint8Array | undefined {
    const value = this.entries(kind, name, optional)?.get(key);
    if (value === undefined && !optional) throw this.#missing(`key ${key} in ${kind} ${name}`);
    return value;
  }

  /** Returns the bytes under a ConfigMap's key; throws APP_REFERENCE_MISSING. */
  configMapKey(name: string, key: string): Uint8Array {
    return this.key("ConfigMap", name, key)!;
  }

  /** Returns the files that a volume of this object holds: all keys, or the chosen ones under their paths. */
  files(
    kind: Kind,
    name: string,
    { items, optional }: { items?: { key: string; path: string }[] | undefined; optional?: boolean | undefined },
  ): ReadonlyMap<string, Uint8Array> {
    if (items === undefined) return this.entries(kind, name, optional) ?? new Map();
    const chosen = items.map(({ key, path }) => [path, this.key(kind, name, key, optional)] as const);
    return new Map(chosen.filter((entry): entry is [string, Uint8Array] => entry[1] !== undefined));
  }

  #missing(what: string): WasmletError {
    return new WasmletError("APP_REFERENCE_MISSING", `${what} is not there`, { where: `namespace ${this.#namespace}` });
  }
}

function entriesOfConfigMap({ data = {}, binaryData = {} }: ConfigMap): Map<string, Uint8Array> {
  return new Map([...decode(data, "utf8"), ...decode(binaryData, "base64")]);
}

function entriesOfSecret({ data = {}, stringData = {} }: Secret): Map<string, Uint8Array> {
  return new Map([...decode(data, "base64"), ...decode(stringData, "utf8")]);
}

function decode(data: Record<string, string>, encoding: BufferEncoding): [string, Uint8Array][] {
  return Object.entries(data).map(([key, value]) => [key, Buffer.from(value, encoding)]);
}
