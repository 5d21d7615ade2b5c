import type { Stats } from "node:fs";
import { chmod, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Returns the mode of a file or folder in the image: a checkout's depends on the user's umask, an image's must not. */
export function modeInImage(stats: Stats): number {
  if (stats.isDirectory()) return isShared(stats) ? 0o1777 : 0o755;
  return (stats.mode & 0o100) === 0 ? 0o644 : 0o755;
}

/** Gives everything below a folder its mode in the image; links have none. */
export async function setModes(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    await chmod(path, modeInImage(await lstat(path)));
  }
}

/** Whether everyone may write to a folder, as to /tmp, and delete only what is theirs. */
function isShared({ mode }: Stats): boolean {
  return (mode & 0o1000) !== 0;
}
