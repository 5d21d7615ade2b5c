import { fstatSync, statfsSync, type StatsFs } from "node:fs";
import { failure } from "./error-code.ts";
import type { HeldFd } from "./held-fd.ts";
import { measureUsage, type Usage } from "./volume-usage.ts";

/*
 * How much an app may keep in a folder that it writes. Several processes may write there, and what a file takes is the
 * file system's to say; so the folder itself is measured, and between two measurements only growth is counted:
 *
 *   measured ──charge, charge, …──▶ measured + grown ──beyond the slack, or full──▶ measured
 *
 * A process looks anew before it has added more than its slack, so several go beyond the limit by no more than the
 * slack of each but one. What frees space is not counted: the next measurement tells.
 */

/** What a file, folder or link takes besides its content. */
const ENTRY_BYTES = 4096;
const BLOCK_BYTES = 4096;
/** What stat's count of blocks is in, whatever the file system's blocks are. */
const STAT_BLOCK_BYTES = 512;

/** Files, folders and links in a volume that has a limit: measuring it holds the thread. */
const MAX_ENTRIES = 20_000;
const MIN_SLACK_BYTES = 64 * 1024;
const SLACK_PARTS = 16;

/** How long a full volume is taken for full while this process removes nothing: others may. */
const FULL_FOR_MS = 250;

/** What may be added before the file system is asked for its free space again. */
const LOOK_AT_DISK_BYTES = 1024 * 1024;
const RESERVED_BYTES = 256 * 1024 * 1024;
const RESERVED_SHARE = 0.05;
const RESERVED_INODES = 10_000;

/** Why nothing may be added. */
export type Shortage = "volume_size" | "disk_space";

/** What a volume may take. */
export interface VolumeBounds {
  hostPath: string;
  /** Undefined leaves it all but a reserve of the file system. */
  maxBytes: number | undefined;
}

/** How a quota tells of refusals and learns of the world. */
export interface QuotaOptions {
  /** Called for each refusal. */
  onRefused?: (why: Shortage) => void;
  nowMs?: () => number;
  statfs?: (path: string) => Pick<StatsFs, "bsize" | "blocks" | "bavail" | "files" | "ffree">;
}

/** What one process knows of a volume that it may fill. */
export class VolumeQuota {
  readonly #bounds: VolumeBounds;
  readonly #onRefused: (why: Shortage) => void;
  readonly #nowMs: () => number;
  readonly #statfs: NonNullable<QuotaOptions["statfs"]>;
  readonly #opened = new Set<HeldFd>();
  #pruneAt = 64;
  #measured: Usage | undefined;
  #measuredMs = 0;
  #grown: Usage = { bytes: 0, entries: 0 };
  #inFlightBytes = 0;
  #nothingAdded = true;
  #mayHaveShrunk = false;
  /** Undefined until the file system is asked. */
  #addedSinceLook: number | undefined;

  constructor(bounds: VolumeBounds, options: QuotaOptions = {}) {
    this.#bounds = bounds;
    this.#onRefused = options.onRefused ?? (() => {});
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#statfs = options.statfs ?? ((path) => statfsSync(path));
  }

  /** Counts a new file, folder or link; throws `insufficient-space` when there is no room. */
  addEntry(): void {
    this.#add({ bytes: ENTRY_BYTES, entries: 1 });
  }

  /** Writes `length` bytes to a file by `write`, at its end without an offset; throws `insufficient-space`. */
  async write<T>(fd: number, length: number, offset: bigint | undefined, write: () => Promise<T>): Promise<T> {
    const bytes = growthOf(fd, length, offset);
    if (bytes > 0) this.#add({ bytes, entries: 0 });
    // What is on its way is not in the folder yet when that is measured meanwhile.
    this.#inFlightBytes += bytes;
    try {
      return await write();
    } finally {
      this.#inFlightBytes -= bytes;
    }
  }

  /** Notes that something was removed or cut off, or that a file was closed, which may have had no name any more. */
  shrank(): void {
    this.#mayHaveShrunk = true;
  }

  /** Remembers an open file: without a name in the folder it takes its space all the same. */
  opened(held: HeldFd): void {
    if (this.#bounds.maxBytes === undefined) return;
    this.#opened.add(held);
    if (this.#opened.size < this.#pruneAt) return;
    for (const file of this.#opened) if (!file.isOpen) this.#opened.delete(file);
    this.#pruneAt = Math.max(64, 2 * this.#opened.size);
  }

  #add(more: Usage): void {
    const why = this.#isDiskShort(more.bytes) ? "disk_space" : this.#hasRoom(more) ? undefined : "volume_size";
    if (why === undefined) {
      this.#grown = sumOf(this.#grown, more);
      this.#nothingAdded = false;
      return;
    }
    this.#onRefused(why);
    throw failure("insufficient-space");
  }

  #hasRoom(more: Usage): boolean {
    const { maxBytes, hostPath } = this.#bounds;
    if (maxBytes === undefined) return true;
    const fits = (): boolean => {
      const { bytes, entries } = sumOf(this.#measured!, sumOf(this.#grown, more));
      return bytes <= maxBytes && entries <= MAX_ENTRIES;
    };
    const slack = Math.max(MIN_SLACK_BYTES, maxBytes / SLACK_PARTS);
    if (this.#measured !== undefined) {
      if (fits() && this.#grown.bytes + more.bytes <= slack) return true;
      const isFresh = this.#nothingAdded && !this.#mayHaveShrunk;
      if (isFresh && this.#nowMs() - this.#measuredMs < FULL_FOR_MS) return fits();
    }
    this.#measured = measureUsage(hostPath, this.#opened, { maxEntries: MAX_ENTRIES, entryBytes: ENTRY_BYTES });
    this.#measuredMs = this.#nowMs();
    this.#grown = { bytes: this.#inFlightBytes, entries: 0 };
    this.#nothingAdded = true;
    this.#mayHaveShrunk = false;
    return fits();
  }

  /** Whether the file system is about to be full: others of this machine need it too. */
  #isDiskShort(bytes: number): boolean {
    const added = this.#addedSinceLook;
    if (added !== undefined && added + bytes <= LOOK_AT_DISK_BYTES) {
      this.#addedSinceLook = added + bytes;
      return false;
    }
    const { bsize, blocks, bavail, files, ffree } = this.#statfs(this.#bounds.hostPath);
    const reserve = Math.min(RESERVED_BYTES, blocks * bsize * RESERVED_SHARE);
    // Some file systems make inodes as they are needed and tell of none.
    const inodesShort = files > 0 && ffree < Math.min(RESERVED_INODES, files * RESERVED_SHARE);
    const isShort = bavail * bsize - bytes < reserve || inodesShort;
    this.#addedSinceLook = isShort ? undefined : bytes;
    return isShort;
  }
}

/** What writing may add to a file. */
function growthOf(fd: number, length: number, offset: bigint | undefined): number {
  const { size, blocks } = fstatSync(fd);
  const begin = offset === undefined ? size : Number(offset);
  const isWhole = begin <= size && blocks * STAT_BLOCK_BYTES >= size;
  // Where a file has holes, each byte may be one that is not there yet, with a block begun on either side.
  if (!isWhole) return roundUp(length) + BLOCK_BYTES;
  return Math.max(0, roundUp(begin + length) - roundUp(size));
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function sumOf(one: Usage, other: Usage): Usage {
  return { bytes: one.bytes + other.bytes, entries: one.entries + other.entries };
}
