import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isProcessAlive, nameProcessFile, ownerOf, sweepProcessFiles } from "./process-files.ts";

/** What a crash left of a blob is kept for so long: by then nobody wants it, or it came whole. */
const MAX_AGE_MS = 24 * 3_600_000;

/**
 * Blobs on their way to the disk: `<process>-<unique>.<digest>`. What a process that crashed left of one is the beginning of
 * the next try, by whichever process takes it first.
 */
export class PartialBlobs {
  readonly #directory: string;
  readonly #isAlive: (pid: number) => boolean;

  constructor(directory: string, isAlive: (pid: number) => boolean = isProcessAlive) {
    this.#directory = directory;
    this.#isAlive = isAlive;
  }

  /** A path of its own for a blob that comes. */
  make(digest: string): string {
    return join(this.#directory, `${nameProcessFile()}.${digest.replace(":", "-")}`);
  }

  /** Takes what a crash left of a blob, the most of it where there is several times, and removes the rest. */
  claim(digest: string): string | undefined {
    const left = this.#leftovers(digest).toSorted((a, b) => b.bytes - a.bytes);
    let claimed: string | undefined;
    for (const { path } of left) {
      if (claimed === undefined) claimed = this.#take(path, digest);
      else rmSync(path, { force: true });
    }
    return claimed;
  }

  /** Removes what is too old; returns how many. */
  sweep(): number {
    return sweepProcessFiles(this.#directory, MAX_AGE_MS, () => true);
  }

  #leftovers(digest: string): { path: string; bytes: number }[] {
    const suffix = `.${digest.replace(":", "-")}`;
    return namesIn(this.#directory).flatMap((name) => {
      const owner = ownerOf(name);
      if (!name.endsWith(suffix) || owner === undefined || this.#isAlive(owner)) return [];
      const path = join(this.#directory, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats === undefined ? [] : [{ path, bytes: stats.size }];
    });
  }

  /** Renaming succeeds for one process only. */
  #take(path: string, digest: string): string | undefined {
    const own = this.make(digest);
    try {
      renameSync(path, own);
      return own;
    } catch {
      return undefined; // another process took it
    }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // whoever writes there next says what is wrong with it
  }
}
