import { fstatSync, lstatSync, readdirSync, type Stats } from "node:fs";
import type { HeldFd } from "./held-fd.ts";
import { closeQuietly, openDirectoryName, openHostDirectory, pathOfChild, pathOfFd } from "./proc-fd.ts";

const STAT_BLOCK_BYTES = 512;
/** Folders within folders: each that is being measured is held open. */
const MAX_DEPTH = 128;

/** What is in a volume. */
export interface Usage {
  bytes: number;
  /** Files, folders and links. */
  entries: number;
}

/** What is beyond being measured counts as more than any limit. */
export interface UsageBounds {
  maxEntries: number;
  /** What an entry takes besides its content. */
  entryBytes: number;
}

/** Returns what the folder takes on disk, with those of the open files that have no name in it any more. */
export function measureUsage(hostPath: string, opened: Iterable<HeldFd>, bounds: UsageBounds): Usage {
  const usage: Usage = { bytes: 0, entries: 0 };
  const seen = new Set<number>();
  const count = (stats: Stats): void => {
    if (stats.nlink !== 1 && !stats.isDirectory()) {
      if (seen.has(stats.ino)) return;
      seen.add(stats.ino);
    }
    usage.bytes += stats.blocks * STAT_BLOCK_BYTES;
  };
  const root = openHostDirectory(hostPath);
  try {
    const isMeasured = measureFolder(root, 0, (stats) => {
      count(stats);
      usage.bytes += bounds.entryBytes;
      return ++usage.entries <= bounds.maxEntries;
    });
    if (!isMeasured) return { bytes: Infinity, entries: Infinity };
  } finally {
    closeQuietly(root);
  }
  for (const held of opened) {
    if (!held.isOpen) continue;
    const stats = fstatSync(held.fd);
    if (stats.nlink === 0) count(stats);
  }
  return usage;
}

/**
 * Visits what is in the folder; false when that was cut short. Guests change it meanwhile: what has gone is left out,
 * and no link is followed, so nothing outside is ever looked at.
 */
function measureFolder(fd: number, depth: number, visit: (stats: Stats) => boolean): boolean {
  if (depth > MAX_DEPTH) return false;
  for (const name of readdirSync(pathOfFd(fd))) {
    const stats = lstatSync(pathOfChild(fd, name), { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (!visit(stats)) return false;
    if (!stats.isDirectory()) continue;
    const folder = tryOpen(fd, name);
    if (folder === undefined) continue;
    try {
      if (!measureFolder(folder, depth + 1, visit)) return false;
    } finally {
      closeQuietly(folder);
    }
  }
  return true;
}

function tryOpen(fd: number, name: string): number | undefined {
  try {
    return openDirectoryName(fd, name);
  } catch {
    return undefined;
  }
}
