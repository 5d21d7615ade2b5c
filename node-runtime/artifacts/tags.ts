import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { text } from "../../common/shapes.ts";
import { isDigest } from "../../oci/digest.ts";
import { formatReference, type Reference } from "../../oci/reference.ts";

/** Tags that are remembered; beyond, the whole memory begins anew. */
const MAX_TAGS = 10_000;

const Tag = v.object({ reference: text(1024), digest: v.pipe(v.string(), v.check(isDigest)) });

/**
 * What tags led to when they were last asked for, one file each: with it, an app whose artifact is kept starts without its
 * registry. Files are replaced, never written to, so that a crash leaves the old one or the new one.
 */
export class Tags {
  readonly #directory: string;
  readonly #makeTemporary: () => string;

  constructor(directory: string, makeTemporary: () => string) {
    this.#directory = directory;
    this.#makeTemporary = makeTemporary;
  }

  /** Returns the digest that a reference led to, or undefined. */
  find(reference: Reference): string | undefined {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#fileOf(reference), "utf8"));
      const { success, output } = v.safeParse(Tag, value);
      return success && output.reference === formatReference(reference) ? output.digest : undefined;
    } catch {
      return undefined; // never asked for, or damaged: asked for again
    }
  }

  /** Remembers what a reference leads to now. */
  note(reference: Reference, digest: string): void {
    if (this.find(reference) === digest) return;
    const names = readdirSync(this.#directory);
    if (names.length >= MAX_TAGS) for (const name of names) rmSync(join(this.#directory, name), { force: true });
    const temporary = this.#makeTemporary();
    writeFileSync(temporary, JSON.stringify({ reference: formatReference(reference), digest }), { flush: true });
    renameSync(temporary, this.#fileOf(reference));
  }

  #fileOf(reference: Reference): string {
    return join(this.#directory, createHash("sha256").update(formatReference(reference)).digest("hex"));
  }
}
