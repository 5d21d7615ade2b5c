import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isProcessAlive, ownerOf } from "./process-files.ts";

/** One thing that a store keeps: an artifact as it came, or as it was prepared, or what a crash left of a blob. */
export interface StoreEntry {
  path: string;
  /** `sha256:…` of the artifact; a blob of one in a registry may have a `sha512:…`. */
  digest: string;
  bytes: number;
  /** When it was used last. */
  usedMs: number;
}

const ENTRY_NAME = /^(?:\d+-[0-9a-f-]{36}\.)?(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})(-v[\w.]{1,16})?$/;

/** Returns everything in `blobs/` and `prepared/`, of all versions of the pipeline, and the leftovers in `partial/`. */
export function listEntries(directory: string): StoreEntry[] {
  return ["blobs", "prepared", "partial"].flatMap((folder) =>
    readdirSync(join(directory, folder)).flatMap((name) => {
      const digest = ENTRY_NAME.exec(name)?.[1];
      const path = join(directory, folder, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      if (digest === undefined || stats === undefined || isBeingWritten(name)) return [];
      const bytes = stats.isDirectory() ? sizeOfFolder(path) : stats.size;
      if (bytes === undefined) return [];
      return [{ path, digest: digest.replace("-", ":"), bytes, usedMs: stats.mtimeMs }];
    }),
  );
}

/** What a living process writes is no entry before it is whole. */
function isBeingWritten(name: string): boolean {
  const owner = ownerOf(name);
  return owner !== undefined && isProcessAlive(owner);
}

/** Returns the bytes of a prepared artifact's files, in one folder; undefined when it is gone meanwhile. */
export function sizeOfFolder(path: string): number | undefined {
  let bytes = 0;
  try {
    for (const name of readdirSync(path)) bytes += statSync(join(path, name)).size;
    return bytes;
  } catch {
    return undefined;
  }
}

/**
 * Returns the entries to remove so that the rest fits in `maxBytes`: those unused for the longest time first, none that
 * is in use.
 */
export function chooseEvictions(
  entries: readonly StoreEntry[],
  maxBytes: number,
  inUse: ReadonlySet<string>,
): StoreEntry[] {
  let surplus = entries.reduce((sum, { bytes }) => sum + bytes, 0) - maxBytes;
  const evicted: StoreEntry[] = [];
  for (const entry of [...entries].sort((a, b) => a.usedMs - b.usedMs)) {
    if (surplus <= 0) break;
    if (inUse.has(entry.digest)) continue;
    evicted.push(entry);
    surplus -= entry.bytes;
  }
  return evicted;
}
