import { createHash, randomBytes } from "node:crypto";
import type { BigIntStats } from "node:fs";
import type { MetadataHashValue } from "./types.ts";

/**
 * Gives objects numbers that identify them and say nothing about the host: device and inode hashed with a secret. One
 * guest sees the same number for the same object; another guest sees another.
 */
export class MetadataHasher {
  #secret: Uint8Array | undefined;

  /** Returns the `metadata-hash-value` of an object. */
  hash(stats: BigIntStats): MetadataHashValue {
    this.#secret ??= randomBytes(16);
    const digest = createHash("sha256").update(this.#secret).update(`${stats.dev}:${stats.ino}`).digest();
    return { lower: digest.readBigUInt64LE(0), upper: digest.readBigUInt64LE(8) };
  }
}
