import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isProcessAlive, nameProcessFile, ownerOf } from "./process-files.ts";

/**
 * Which artifacts are in use, by this process and by others that share the store: each process keeps a file with the
 * digests that it uses, one a line, which counts as long as the process lives.
 */
export class DigestsInUse {
  readonly #directory: string;
  readonly #file: string;
  readonly #isAlive: (pid: number) => boolean;
  readonly #counts = new Map<string, number>();

  constructor(directory: string, isAlive: (pid: number) => boolean = isProcessAlive) {
    this.#directory = directory;
    this.#file = join(directory, nameProcessFile());
    this.#isAlive = isAlive;
  }

  /** Holds a digest; returns the function that lets it go, which may be called again without harm. */
  hold(digest: string): () => void {
    const count = this.#counts.get(digest) ?? 0;
    this.#counts.set(digest, count + 1);
    if (count === 0) this.#write();
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = this.#counts.get(digest)! - 1;
      if (left > 0) this.#counts.set(digest, left);
      else this.#counts.delete(digest);
      if (left === 0) this.#write();
    };
  }

  /** Returns every digest that a living process holds; removes the files of those that are gone. */
  all(): Set<string> {
    const held = new Set<string>();
    for (const name of readdirSync(this.#directory)) {
      const owner = ownerOf(name);
      const file = join(this.#directory, name);
      if (owner === undefined || !this.#isAlive(owner)) rmSync(file, { force: true });
      else for (const digest of readLines(file)) held.add(digest);
    }
    return held;
  }

  /** Other processes read the file at any time: it is replaced, never written to. */
  #write(): void {
    if (this.#counts.size === 0) return rmSync(this.#file, { force: true });
    const next = `${this.#file}.next`;
    writeFileSync(next, [...this.#counts.keys()].join("\n"));
    renameSync(next, this.#file);
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return []; // its process let go of everything in this moment
  }
}
