import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What is noted between two sweeps: blobs come and go. */
const MAX_NOTES = 10_000;

/**
 * Which registry has served which blob to this node: an empty file each, named after both, as long as the blob is here.
 */
export class ServedBlobs {
  readonly #directory: string;
  readonly #isHere: (digest: string) => boolean;
  #notes = 0;

  constructor(directory: string, isHere: (digest: string) => boolean) {
    this.#directory = directory;
    this.#isHere = isHere;
  }

  /** True when the registry has sent the blob whole. */
  has(registry: string, digest: string): boolean {
    return existsSync(this.#fileOf(registry, digest));
  }

  /** Remembers that a registry has sent a blob. */
  note(registry: string, digest: string): void {
    if (this.#notes++ % MAX_NOTES === 0) this.#sweep();
    writeFileSync(this.#fileOf(registry, digest), "");
  }

  /** Forgets the blobs that are gone. */
  #sweep(): void {
    for (const name of readdirSync(this.#directory)) {
      const digest = name.slice(0, name.lastIndexOf(".")).replace("-", ":");
      if (!this.#isHere(digest)) rmSync(join(this.#directory, name), { force: true });
    }
  }

  #fileOf(registry: string, digest: string): string {
    const hash = createHash("sha256").update(registry).digest("hex");
    return join(this.#directory, `${digest.replace(":", "-")}.${hash}`);
  }
}
