import { pipeline as pipe } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { RunningDigest } from "../digest.ts";
import type { Compression } from "../media-types.ts";
import { plainPath } from "./paths.ts";

/** What unpacking may come to. */
export interface UnpackLimits {
  /** Bytes after decompression, of all archives of an artifact. */
  maxUnpackedBytes: number;
  /** Bytes of the files that are kept. */
  maxKeptBytes: number;
  maxEntries: number;
}

/** Enough for images with much beside the program; a bomb is noticed within a second or two. */
const UNPACK_LIMITS: UnpackLimits = {
  maxUnpackedBytes: 1024 * 1024 * 1024,
  maxKeptBytes: 256 * 1024 * 1024,
  maxEntries: 100_000,
};

/** Windows of zstd up to 32 MiB: what a decompressor holds in memory is for the sender to choose. */
const MAX_ZSTD_WINDOW_LOG = 25;

/** What a decompressor yields at a time. */
const CHUNK_BYTES = 128 * 1024;

/** One entry of an archive. */
export interface ArchiveEntry {
  /** Plain and relative. */
  path: string;
  type: "file" | "folder" | "link" | "other";
}

/** An archive to unpack. */
export interface Archive {
  bytes: AsyncIterable<Uint8Array>;
  compression: Compression;
  /** The digest that the archive has before compression, where that is known. */
  digest?: string | undefined;
  /** What errors call it. */
  where: string;
}

/** What is used up of the limits, over all archives of an artifact. */
export class UnpackBudget {
  readonly limits: UnpackLimits;
  #unpacked = 0;
  #kept = 0;
  #entries = 0;

  constructor(limits: UnpackLimits = UNPACK_LIMITS) {
    this.limits = limits;
  }

  /** Each throws OCI_TOO_LARGE when that is more than the limits allow. */
  unpack(bytes: number, where: string): void {
    this.#unpacked += bytes;
    this.#check(this.#unpacked, this.limits.maxUnpackedBytes, "bytes unpacked", where);
  }

  keep(bytes: number, where: string): void {
    this.#kept += bytes;
    this.#check(this.#kept, this.limits.maxKeptBytes, "bytes of files", where);
  }

  countEntry(where: string): void {
    this.#entries++;
    this.#check(this.#entries, this.limits.maxEntries, "entries", where);
  }

  #check(used: number, limit: number, unit: string, where: string): void {
    if (used <= limit) return;
    throw new WasmletError("OCI_TOO_LARGE", "the artifact unpacks to more than is accepted", {
      where,
      expected: `at most ${limit} ${unit}`,
      actual: "more",
    });
  }
}

/**
 * Reads an archive and returns the files that `wants` asks for, the last one where a path occurs twice; `wants` sees every
 * entry, in order. Throws OCI_ARCHIVE_INVALID, OCI_ARCHIVE_UNSAFE for paths that lead out, OCI_TOO_LARGE, and
 * OCI_DIGEST_MISMATCH.
 */
export async function readArchive(
  archive: Archive,
  budget: UnpackBudget,
  wants: (entry: ArchiveEntry) => boolean,
): Promise<Map<string, Uint8Array>> {
  const { where } = archive;
  const files = new Map<string, Uint8Array>();
  const tar = extract();
  const unpacking = pipeline(unpack(archive, budget), tar);
  // Its failure shows in the loop below as well; here it must only not go unhandled.
  unpacking.catch(() => {});
  try {
    for await (const entry of tar) {
      budget.countEntry(where);
      const path = plainPath(entry.header.name);
      if (path === undefined) throw unsafe(entry.header.name, where);
      const isWanted = wants({ path, type: typeOf(entry.header) });
      if (!isWanted) entry.resume();
      else files.set(path, await keep(entry, budget, where));
    }
    await unpacking;
    return files;
  } catch (thrown) {
    if (thrown instanceof WasmletError) throw thrown;
    throw new WasmletError("OCI_ARCHIVE_INVALID", `a layer cannot be unpacked: ${messageOf(thrown)}`, {
      where,
      cause: thrown,
    });
  } finally {
    tar.destroy();
    await unpacking.catch(() => {});
  }
}

async function keep(entry: AsyncIterable<unknown>, budget: UnpackBudget, where: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry as AsyncIterable<Uint8Array>) {
    budget.keep(chunk.length, where);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Yields the archive without its compression, measured and hashed. */
async function* unpack(
  { bytes, compression, digest, where }: Archive,
  budget: UnpackBudget,
): AsyncGenerator<Uint8Array> {
  const hash = digest === undefined ? undefined : new RunningDigest(digest);
  for await (const chunk of decompress(bytes, compression)) {
    budget.unpack(chunk.length, where);
    hash?.update(chunk);
    yield chunk;
  }
  const actual = hash?.finish();
  if (actual === digest) return;
  throw new WasmletError("OCI_DIGEST_MISMATCH", "a layer unpacks to something else than its configuration says", {
    where,
    expected: digest ?? "",
    actual: actual ?? "",
  });
}

function decompress(bytes: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === "none") return bytes;
  const chunkSize = CHUNK_BYTES;
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG };
  const decoder = compression === "gzip" ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize, params });
  // The end of either ends both, and a failure is thrown to whoever reads the decoder.
  return pipe(bytes, decoder, () => {});
}

function typeOf({ type }: Header): ArchiveEntry["type"] {
  if (type === "file" || type === "contiguous-file") return "file";
  if (type === "link" || type === "symlink") return "link";
  return type === "directory" ? "folder" : "other";
}

function unsafe(name: string, where: string): WasmletError {
  return new WasmletError("OCI_ARCHIVE_UNSAFE", "a layer has an entry that leads out of its folder", {
    where,
    expected: "paths without ..",
    actual: JSON.stringify(name.slice(0, 200)),
  });
}
