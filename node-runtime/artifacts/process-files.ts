import { randomUUID } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../../common/errors.ts";

/*
 * Files that belong to one process as long as it lives: unfinished work and what it holds. Their names begin with its
 * process id, so that another process can tell what a crashed one left behind.
 */

/** Returns a new name that says which process the file belongs to. */
export function nameProcessFile(pid: number = process.pid): string {
  return `${pid}-${randomUUID()}`;
}

/** Returns the id of the process that a file belongs to, or undefined when its name says none. */
export function ownerOf(name: string): number | undefined {
  const match = /^(\d{1,10})-/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** True while a process of this id runs, whoever's it is. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) === "EPERM";
  }
}

/** Removes what processes that are gone left in `directory`, and what is older than `maxAgeMs`; returns how many. */
export function sweepProcessFiles(
  directory: string,
  maxAgeMs: number,
  isAlive: (pid: number) => boolean = isProcessAlive,
  nowMs: number = Date.now(),
): number {
  let removed = 0;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const owner = ownerOf(name);
    const modifiedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (modifiedMs === undefined) continue;
    if (owner !== undefined && isAlive(owner) && nowMs - modifiedMs <= maxAgeMs) continue;
    // Without an owner in its name it is another version's, which may still be at it.
    if (owner === undefined && nowMs - modifiedMs <= maxAgeMs) continue;
    try {
      rmSync(path, { recursive: true, force: true });
      removed++;
    } catch {
      // Another user's: the next start may succeed.
    }
  }
  return removed;
}
