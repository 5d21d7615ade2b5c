import type { Timing } from "../common/timing.ts";
import { KubeError } from "./kube-error.ts";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5000;
/** A server that asks for a longer pause is left alone: the error says when, and the caller's queue decides. */
const MAX_RETRY_AFTER_MS = 30_000;
/** Tries of one request, the first one included. */
const MAX_ATTEMPTS = 5;

/** How a request is tried again. */
export interface RetryOptions {
  timing: Timing;
  /** Whether carrying it out twice is the same as once. */
  isIdempotent: boolean;
  signal?: AbortSignal | undefined;
}

/** Runs `attempt` until it succeeds, fails for good, or has been tried often enough; then its error is thrown. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { timing, isIdempotent, signal } = options;
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (thrown) {
      signal?.throwIfAborted();
      const pauseMs = failures < MAX_ATTEMPTS ? pauseAfter(thrown, failures, isIdempotent, timing.random()) : undefined;
      if (pauseMs === undefined) throw thrown;
      await timing.delay(pauseMs, signal);
    }
  }
}

/** Returns the milliseconds to wait after the n-th failure, or undefined when another try makes no sense. */
function pauseAfter(thrown: unknown, failures: number, isIdempotent: boolean, random: number): number | undefined {
  if (!(thrown instanceof KubeError) || thrown.facts.transience === undefined) return undefined;
  if (thrown.facts.transience === "perhaps-processed" && !isIdempotent) return undefined;
  const { retryAfterMs = 0 } = thrown.facts;
  if (retryAfterMs > MAX_RETRY_AFTER_MS) return undefined;
  const delayMs = jittered(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1)), random);
  // Everybody was told the same time: chance comes on top of it.
  return retryAfterMs + delayMs;
}

/** Leaves half of a delay to chance, so that many do not come back at once. */
export function jittered(delayMs: number, random: number): number {
  return delayMs / 2 + (delayMs / 2) * random;
}
