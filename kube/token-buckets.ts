import type { Timing } from "../common/timing.ts";

export interface BucketLimits {
  /** Tokens of a full bucket. */
  burst: number;
  /** Milliseconds until one token comes back. */
  refillMs: number;
  /** Buckets that are remembered: the one that was used longest ago goes first. */
  maxKeys: number;
}

/** Limits how often something happens per key: each has a bucket of tokens that fills again slowly. */
export class TokenBuckets {
  readonly #limits: BucketLimits;
  readonly #timing: Timing;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(limits: BucketLimits, timing: Timing) {
    this.#limits = limits;
    this.#timing = timing;
  }

  /** Takes a token of the key's bucket; false when it is empty. */
  take(key: string): boolean {
    const { burst, refillMs, maxKeys } = this.#limits;
    const now = this.#timing.now();
    const { tokens, atMs } = this.#buckets.get(key) ?? { tokens: burst, atMs: now };
    const filled = Math.min(burst, tokens + (now - atMs) / refillMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: filled >= 1 ? filled - 1 : filled, atMs: now });
    if (this.#buckets.size > maxKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
    return filled >= 1;
  }
}
