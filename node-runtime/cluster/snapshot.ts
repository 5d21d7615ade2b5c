/*
 * What a node knew last, for a runtime that starts while the API server is away:
 *
 *     <cache>/cluster/replicas              the node's replicas, one file
 *     <cache>/cluster/objects/<sha256>      a ConfigMap each, named by the hash of its key
 *     <secrets>/objects/<sha256>            a Secret each, where the node has a place for what is secret
 *
 * A file is a line `wasmlet 1 <sha256 of the rest>` and JSON. It appears whole or not at all; one that is damaged, or of
 * another version, counts as missing.
 */
import { createHash, randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KubeObject } from "../../kube/objects.ts";
import type { ReferencedObject } from "./reference-reader.ts";
import { referenceKey } from "./references.ts";
import type { Replica } from "./replica.ts";

const VERSION = 1;
const MAX_REPLICAS_BYTES = 64 * 2 ** 20;
const MAX_OBJECTS_BYTES = 256 * 2 ** 20;
/** The API server takes objects of 3 MiB at the most. */
const MAX_OBJECT_BYTES = 4 * 2 ** 20;
const HEADER = new RegExp(`^wasmlet ${VERSION} ([0-9a-f]{64})$`);

export interface SnapshotOptions {
  /** The folder that is kept while pods come and go. */
  folder: string;
  nodeName: string;
  /** Where Secrets are kept; without it they are not. */
  secretsFolder?: string | undefined;
  /** Told once that something could not be kept. */
  onProblem: (problem: string) => void;
}

/** Keeps a node's replicas and what they refer to on disk. Trouble with the disk is reported and otherwise no matter. */
export class Snapshot {
  readonly #options: SnapshotOptions;
  readonly #objects: ObjectFolder;
  readonly #secrets: ObjectFolder | undefined;
  #written = "";
  #hasComplained = false;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    const { folder, secretsFolder } = options;
    this.#objects = new ObjectFolder(join(folder, "objects"));
    this.#secrets = secretsFolder === undefined ? undefined : new ObjectFolder(join(secretsFolder, "objects"));
  }

  /** Returns the replicas that were kept of this node; undefined when there is nothing to go by. */
  readReplicas(): Replica[] | undefined {
    const content = readChecked(this.#replicasFile, MAX_REPLICAS_BYTES) as
      | { nodeName?: unknown; replicas?: unknown }
      | undefined;
    if (content?.nodeName !== this.#options.nodeName || !Array.isArray(content.replicas)) return undefined;
    return content.replicas.filter(isObject);
  }

  /** Returns every object that was kept. */
  readObjects(): ReferencedObject[] {
    return [...this.#objects.read(), ...(this.#secrets?.read() ?? [])];
  }

  /** Keeps these replicas; writes nothing when they are the same. */
  keepReplicas(replicas: Iterable<Replica>): void {
    const text = JSON.stringify({ nodeName: this.#options.nodeName, replicas: [...replicas].map(keptOf) });
    if (text === this.#written) return;
    this.#try(() => {
      if (text.length > MAX_REPLICAS_BYTES) throw new Error(`the replicas are more than ${MAX_REPLICAS_BYTES} bytes`);
      makePrivateFolder(this.#options.folder);
      writeChecked(this.#replicasFile, text);
      this.#written = text;
    });
  }

  /** Keeps an object that was read. */
  keepObject(object: ReferencedObject): void {
    const folder = object.kind === "Secret" ? this.#secrets : this.#objects;
    if (folder !== undefined) this.#try(() => folder.write(object));
  }

  /** Lets go of every object but those with these keys. */
  keepOnly(keys: ReadonlySet<string>): void {
    this.#try(() => {
      this.#objects.keepOnly(keys);
      this.#secrets?.keepOnly(keys);
    });
  }

  get #replicasFile(): string {
    return join(this.#options.folder, "replicas");
  }

  #try(write: () => void): void {
    try {
      write();
    } catch (thrown) {
      if (this.#hasComplained) return;
      this.#hasComplained = true;
      this.#options.onProblem(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
}

/** A folder of objects, one file each; the size of all of them is bounded. */
class ObjectFolder {
  readonly #folder: string;
  /** Bytes of each file, counted when first needed. */
  #sizes: Map<string, number> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(): ReferencedObject[] {
    return filesIn(this.#folder).flatMap((name) => {
      const object = readChecked(join(this.#folder, name), MAX_OBJECT_BYTES);
      return isObject(object) && fileName(keyOfObject(object)) === name ? [object] : [];
    });
  }

  write(object: ReferencedObject): void {
    makePrivateFolder(this.#folder);
    const { apiVersion, kind, metadata, data } = object;
    const { binaryData } = object as { binaryData?: Record<string, string> };
    const { namespace, name } = metadata;
    const text = JSON.stringify({ apiVersion, kind, metadata: { namespace, name }, data, binaryData });
    const file = fileName(keyOfObject(object));
    this.#sizes ??= new Map(filesIn(this.#folder).map((name) => [name, sizeOf(join(this.#folder, name))]));
    const others = [...this.#sizes].reduce((sum, [other, bytes]) => (other === file ? sum : sum + bytes), 0);
    if (others + text.length > MAX_OBJECTS_BYTES) {
      throw new Error(`${this.#folder} would hold more than ${MAX_OBJECTS_BYTES} bytes`);
    }
    writeChecked(join(this.#folder, file), text);
    this.#sizes.set(file, text.length);
  }

  keepOnly(keys: ReadonlySet<string>): void {
    const names = new Set([...keys].map(fileName));
    for (const name of filesIn(this.#folder)) {
      if (names.has(name)) continue;
      rmSync(join(this.#folder, name), { force: true });
      this.#sizes?.delete(name);
    }
  }
}

/** What of a replica another start needs: its versions change with every report and would only be written again. */
function keptOf({ apiVersion, kind, metadata, spec, status = {} }: Replica): Replica {
  const { name, namespace = "", uid, generation, labels, annotations, creationTimestamp } = metadata;
  const { state, revision, podName, exitCode } = status;
  return {
    apiVersion,
    kind,
    metadata: JSON.parse(
      JSON.stringify({ name, namespace, uid, generation, labels, annotations, creationTimestamp }),
    ) as Replica["metadata"],
    spec,
    status: JSON.parse(JSON.stringify({ state, revision, podName, exitCode })) as NonNullable<Replica["status"]>,
  };
}

function keyOfObject({ kind, metadata }: { kind: string; metadata: { namespace?: string; name: string } }): string {
  return referenceKey({ kind: kind as "ConfigMap", namespace: metadata.namespace ?? "", name: metadata.name });
}

function isObject(value: unknown): value is KubeObject {
  const { kind, metadata } = (value ?? {}) as Partial<KubeObject>;
  return typeof kind === "string" && typeof metadata?.name === "string" && typeof metadata.namespace === "string";
}

function fileName(key: string): string {
  return sha256(key);
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name));
  } catch {
    return [];
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
}

function writeChecked(file: string, text: string): void {
  const temporary = `${file}.${randomUUID()}.new`;
  writeFileSync(temporary, `wasmlet ${VERSION} ${sha256(text)}\n${text}`, { mode: 0o600 });
  renameSync(temporary, file);
}

/** Returns the JSON of a file; undefined when it is not there, damaged or of another version. */
function readChecked(file: string, maxBytes: number): unknown {
  try {
    if (sizeOf(file) > maxBytes * 2) return undefined;
    const content = readFileSync(file, "utf8");
    const end = content.indexOf("\n");
    const [, hash] = HEADER.exec(content.slice(0, end)) ?? [];
    const text = content.slice(end + 1);
    return hash === sha256(text) ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
