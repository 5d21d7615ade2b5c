import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { systemCodeOf } from "../../common/errors.ts";
import { cacheError } from "./cache-error.ts";
import { DigestsInUse } from "./digests-in-use.ts";
import { PartialBlobs } from "./partial-blobs.ts";
import { hashFiles, PIPELINE_VERSION, readPreparedArtifact, type PreparedArtifact } from "./prepared-artifact.ts";
import { nameProcessFile, sweepProcessFiles } from "./process-files.ts";
import { chooseEvictions, listEntries, sizeOfFolder } from "./store-entries.ts";

/** Bytes of artifacts, as they came and as prepared, that a store keeps unless told otherwise. */
const DEFAULT_MAX_BYTES = 4 * 2 ** 30;
/** Unfinished work older than this is nobody's: preparing takes two minutes at the most. */
const MAX_TEMPORARY_AGE_MS = 3_600_000;

const UNWRITABLE = "the cache folder cannot be written";

const FOLDERS = ["blobs", "in-use", "partial", "prepared", "pulled", "served", "started", "tags", "temp", "volumes"];

/** How a store is kept. */
export interface StoreOptions {
  /** What it may hold; what is in use may be more. */
  maxBytes?: number;
  /** Where volumes are laid out, when not in the store: processes that share it may run the same apps. */
  volumesDirectory?: string | undefined;
  /** Where those with secrets are. */
  secretVolumesDirectory?: string | undefined;
  /** Called with the number of entries that had to go. */
  onEvicted?: (count: number) => void;
  /** The time, which marks what was used last. */
  now?: () => Date;
}

/** An artifact that stays in the store until it is released. */
export interface HeldArtifact {
  digest: string;
  release: () => void;
}

/**
 * The node's artifacts on disk: `blobs/` as they came, `prepared/` as they run; both named by digest. Their size is
 * bounded: what nobody uses goes, the longest unused first. Processes may share a store.
 */
export class ArtifactStore {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #volumes: string;
  readonly #secretVolumes: string;
  readonly #onEvicted: (count: number) => void;
  readonly #now: () => Date;
  readonly #inUse: DigestsInUse;
  /** What was prepared and read through by this process: once, for it may be much. */
  readonly #verified = new Set<string>();
  /** Blobs that come, and what crashes left of them. */
  readonly partials: PartialBlobs;
  #bytes: number | undefined;

  /** Makes its folders; throws RUNTIME_CACHE. */
  constructor(directory: string, options: StoreOptions = {}) {
    this.#directory = directory;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#volumes = options.volumesDirectory ?? join(directory, "volumes");
    this.#secretVolumes = options.secretVolumesDirectory ?? this.#volumes;
    this.#onEvicted = options.onEvicted ?? (() => {});
    this.#now = options.now ?? (() => new Date());
    makeFolders(directory);
    this.#inUse = new DigestsInUse(join(directory, "in-use"));
    this.partials = new PartialBlobs(join(directory, "partial"));
  }

  /** Bytes in the store, as this process knows: counted when first asked for, then kept up with what it adds. */
  get bytes(): number {
    this.#bytes ??= listEntries(this.#directory).reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#bytes;
  }

  /** Removes what processes that crashed left behind; returns how many. */
  sweep(): number {
    this.#inUse.all(); // forgets the processes that are gone
    return sweepProcessFiles(join(this.#directory, "temp"), MAX_TEMPORARY_AGE_MS) + this.partials.sweep();
  }

  /**
   * Keeps the bytes like `putBlob`, and does not let go of them and what is made of them before they are released.
   * Throws RUNTIME_CACHE.
   */
  hold(bytes: Uint8Array): HeldArtifact {
    const digest = digestOf(bytes);
    let release: (() => void) | undefined;
    try {
      release = this.#inUse.hold(digest);
      this.putBlob(bytes);
      return { digest, release };
    } catch (cause) {
      release?.();
      throw cacheError(UNWRITABLE, this.#directory, cause);
    }
  }

  /** Keeps the bytes under their digest and returns it; the file appears whole or not at all. */
  putBlob(bytes: Uint8Array): string {
    const digest = digestOf(bytes);
    const file = this.blobFile(digest);
    if (!existsSync(file) || statSync(file).size !== bytes.length) {
      const temporary = this.makeTemporary();
      writeFileSync(temporary, bytes);
      renameSync(temporary, file);
      this.#touch(file);
      this.#added(bytes.length);
    } else this.#touch(file);
    return digest;
  }

  /** Moves a finished file, which is on the disk, to the place of its digest; returns that place. */
  adoptBlob(temporary: string, digest: string, bytes: number): string {
    const file = this.blobFile(digest);
    const isNew = !existsSync(file);
    renameSync(temporary, file);
    this.touchBlob(digest);
    if (isNew) this.#added(bytes);
    return file;
  }

  /** Notes that a blob is used now. */
  touchBlob(digest: string): void {
    this.#touch(this.blobFile(digest));
  }

  /** Does not let go of what has these digests, there or to come, before the returned function is called. */
  holdDigests(digests: readonly string[]): () => void {
    const releases: (() => void)[] = [];
    const release = (): void => releases.forEach((letGo) => letGo());
    try {
      for (const digest of digests) releases.push(this.#inUse.hold(digest));
      return release;
    } catch (cause) {
      release();
      throw cacheError(UNWRITABLE, this.#directory, cause);
    }
  }

  blobFile(digest: string): string {
    return join(this.#directory, "blobs", digest.replace(":", "-"));
  }

  /** The folder of what the preparer made of an artifact, with this version of the pipeline. */
  preparedDirectory(digest: string): string {
    return join(this.#directory, "prepared", `${digest.replace(":", "-")}-v${PIPELINE_VERSION}`);
  }

  /** Returns what was prepared before, or undefined; what is damaged is removed. */
  findPrepared(digest: string): PreparedArtifact | undefined {
    const directory = this.preparedDirectory(digest);
    if (!existsSync(directory)) return undefined;
    try {
      const artifact = readPreparedArtifact(directory);
      for (const { file, bytes } of artifact.modules.flatMap(({ tracked, ...module }) => [module, tracked ?? module])) {
        if (statSync(join(directory, file)).size !== bytes) throw new Error(`${file} has another size`);
      }
      if (artifact.digest === digest && this.#isWhole(digest, artifact)) {
        this.#touch(directory);
        return artifact;
      }
    } catch {
      // Damaged: prepared again below.
    }
    rmSync(directory, { recursive: true, force: true });
    return undefined;
  }

  /** Whether the files are as the preparer left them: a bad disk keeps their sizes. */
  #isWhole(digest: string, { files }: PreparedArtifact): boolean {
    if (this.#verified.has(digest)) return true;
    if (!isDeepStrictEqual(hashFiles(this.preparedDirectory(digest)), { ...files })) return false;
    this.#verified.add(digest);
    return true;
  }

  /** Removes a blob that is not what its name says, and is fetched or copied again when it is next asked for. */
  dropBlob(digest: string): void {
    rmSync(this.blobFile(digest), { force: true });
  }

  /** Moves a finished folder of the preparer's to its place; a twin that came first wins. */
  publishPrepared(temporary: string, digest: string): void {
    const directory = this.preparedDirectory(digest);
    try {
      const bytes = sizeOfFolder(temporary);
      renameSync(temporary, directory);
      this.#touch(directory);
      this.#added(bytes ?? 0);
    } catch (cause) {
      if (!existsSync(directory)) throw cause;
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  /** The folder of what tags led to. */
  get tagsDirectory(): string {
    return join(this.#directory, "tags");
  }

  /** The folder of whom artifacts were pulled for. */
  get pulledDirectory(): string {
    return join(this.#directory, "pulled");
  }

  /** The folder of which registry has served which blob. */
  get servedDirectory(): string {
    return join(this.#directory, "served");
  }

  /** The folder of what apps were started from. */
  get startedDirectory(): string {
    return join(this.#directory, "started");
  }

  /** A path of its own for something unfinished. */
  makeTemporary(): string {
    return join(this.#directory, "temp", nameProcessFile());
  }

  /** Removes an app's volumes, secrets and emptyDirs alike: they live as long as the app is on this node. */
  removeVolumes(appId: string): void {
    for (const folder of new Set([this.#volumes, this.#secretVolumes])) {
      rmSync(join(folder, appId.replace("/", "_")), { recursive: true, force: true });
    }
  }

  /** The folder of one of an app's volumes. */
  volumeDirectory(appId: string, volume: string, isSecret = false): string {
    return join(isSecret ? this.#secretVolumes : this.#volumes, appId.replace("/", "_"), volume);
  }

  #added(bytes: number): void {
    // The first count finds it there already.
    if (this.#bytes !== undefined) this.#bytes += bytes;
    if (this.bytes > this.#maxBytes) this.#evict();
  }

  /** Counts anew, for other processes add and remove too, and removes what is too much. */
  #evict(): void {
    const entries = listEntries(this.#directory);
    const evicted = new Set(chooseEvictions(entries, this.#maxBytes, this.#inUse.all()));
    for (const entry of evicted) if (!this.#remove(entry.path)) evicted.delete(entry);
    this.#bytes = entries.reduce((sum, entry) => sum + (evicted.has(entry) ? 0 : entry.bytes), 0);
    if (evicted.size > 0) this.#onEvicted(evicted.size);
  }

  /** Removes an entry, at once for whoever looks; false when that is not possible, or another process did it. */
  #remove(path: string): boolean {
    const temporary = this.makeTemporary();
    try {
      renameSync(path, temporary);
      rmSync(temporary, { recursive: true, force: true });
      return true;
    } catch {
      return false;
    }
  }

  /** Notes that it was used now; a cache that may only be read does without. */
  #touch(path: string): void {
    const now = this.#now();
    try {
      utimesSync(path, now, now);
    } catch {
      // Its turn to be removed comes earlier than it should.
    }
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function makeFolders(directory: string): void {
  try {
    for (const folder of FOLDERS) makeFolder(join(directory, folder));
  } catch (cause) {
    throw cacheError(UNWRITABLE, directory, cause);
  }
}

/** Makes a folder and those above it. Node.js' own way to do that never ends where the system has none to make (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "EEXIST") throw thrown; // another process was first
  }
}
