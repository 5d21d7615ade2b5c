import { createHash, type Hash } from "node:crypto";

/** The algorithms that the image specification registers and registries use (image-spec, descriptor.md#digests). */
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** True for a digest that can be verified: `sha256:` or `sha512:` and lower-case hexadecimal digits. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Returns `sha256:…` of the bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Computes the digest of bytes as they pass, with the algorithm of the digest that is expected. */
export class RunningDigest {
  readonly #algorithm: string;
  readonly #hash: Hash;

  constructor(expected: string) {
    this.#algorithm = expected.slice(0, expected.indexOf(":"));
    this.#hash = createHash(this.#algorithm);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Returns the digest of everything so far; the last call. */
  finish(): string {
    return `${this.#algorithm}:${this.#hash.digest("hex")}`;
  }
}
