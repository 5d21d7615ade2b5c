import { createHash } from "node:crypto";
import { createReadStream, existsSync, type Stats } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { WasmletError } from "../../common/errors.ts";
import type { BlobStore } from "../../oci/pull.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { cacheError, isSystemError } from "./cache-error.ts";
import { writeDurably } from "./durable-file.ts";

/** Blobs whose files are known to be as they were written. */
const MAX_REMEMBERED = 4096;
const READ_BYTES = 256 * 1024;

/**
 * Blobs of artifacts as files of the store, named by digest. A file is whole or not there, also after a crash: it is
 * written aside, brought to the disk and renamed. One that is not what its name says is removed when it is opened.
 */
export class BlobFiles implements BlobStore {
  readonly #store: ArtifactStore;
  /** What a file looked like when it was right. */
  readonly #known = new Map<string, string>();
  /** What crashes left of blobs that are wanted again. */
  readonly #beginnings = new Map<string, string>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** True where a file is there, whatever is in it. */
  has(digest: string): boolean {
    return existsSync(this.#store.blobFile(digest));
  }

  async open({ digest }: { digest: string }): Promise<AsyncIterable<Uint8Array> | undefined> {
    const file = this.#store.blobFile(digest);
    const stats = await statOf(file);
    if (stats === undefined) return undefined;
    if (this.#known.get(digest) !== stampOf(stats) && (await digestOfFile(file, digest)) !== digest) {
      await rm(file, { force: true });
      return undefined;
    }
    this.#store.touchBlob(digest);
    await this.#remember(digest);
    return readFileChunks(file);
  }

  async openBeginning({ digest }: { digest: string }): Promise<AsyncIterable<Uint8Array> | undefined> {
    const file = this.#beginnings.get(digest) ?? this.#store.partials.claim(digest);
    if (file === undefined || (await statOf(file)) === undefined) return undefined;
    this.#beginnings.set(digest, file);
    return readFileChunks(file);
  }

  /** Keeps what comes, and calls `onWhole` just before it is in its place; throws what `bytes` throws, and RUNTIME_CACHE. */
  async write(
    { digest }: { digest: string; size: number },
    bytes: AsyncIterable<Uint8Array>,
    onWhole?: () => void,
  ): Promise<void> {
    const temporary = this.#store.partials.make(digest);
    try {
      const size = await writeDurably(temporary, bytes);
      onWhole?.();
      const file = this.#store.adoptBlob(temporary, digest, size);
      await syncFolder(dirname(file));
      await this.#remember(digest);
      await this.#forgetBeginning(digest);
    } catch (thrown) {
      await rm(temporary, { force: true }).catch(() => {});
      // What it began with may be what was wrong.
      if (thrown instanceof WasmletError && thrown.code === "OCI_DIGEST_MISMATCH") await this.#forgetBeginning(digest);
      // Only what the disk says is the cache's fault; the rest came with the bytes.
      throw isSystemError(thrown) ? cacheError("a blob cannot be kept", temporary, thrown) : thrown;
    }
  }

  async #forgetBeginning(digest: string): Promise<void> {
    const file = this.#beginnings.get(digest);
    this.#beginnings.delete(digest);
    if (file !== undefined) await rm(file, { force: true }).catch(() => {});
  }

  async #remember(digest: string): Promise<void> {
    const stats = await statOf(this.#store.blobFile(digest));
    if (stats === undefined) return;
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(digest, stampOf(stats));
  }
}

/** Changes when the file does, or when another process uses it: it is then looked at once more. */
function stampOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`;
}

async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch {
    return undefined; // not there, or not to be read: as good as not there
  }
}

async function digestOfFile(file: string, digest: string): Promise<string> {
  const algorithm = digest.slice(0, digest.indexOf(":"));
  const hash = createHash(algorithm);
  for await (const chunk of readFileChunks(file)) hash.update(chunk);
  return `${algorithm}:${hash.digest("hex")}`;
}

async function* readFileChunks(file: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(file, { highWaterMark: READ_BYTES })) yield chunk as Uint8Array;
}

/** The name is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
