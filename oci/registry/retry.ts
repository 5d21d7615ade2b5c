import type { Timing } from "../../common/timing.ts";
import { TransientError } from "./transient-error.ts";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
/** A registry that asks for a longer pause is left alone: the error says when, and whoever waits decides. */
const MAX_RETRY_AFTER_MS = 60_000;
/** Tries of one request, the first one included. */
export const MAX_ATTEMPTS = 5;

/** How an operation is tried again. */
export interface RetryOptions {
  timing: Timing;
  maxAttempts?: number;
  signal?: AbortSignal | undefined;
}

/** Runs `attempt` until it succeeds, fails for good, or has been tried often enough; then its error is thrown. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { timing, maxAttempts = MAX_ATTEMPTS, signal } = options;
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (thrown) {
      signal?.throwIfAborted();
      const pauseMs = failures < maxAttempts ? pauseAfter(thrown, failures, timing.random()) : undefined;
      if (pauseMs === undefined) throw thrown;
      await timing.delay(pauseMs, signal);
    }
  }
}

/**
 * Returns the milliseconds to wait after the n-th failure, or undefined when another try makes no sense. Delays double,
 * and half of each is left to chance, so that many nodes do not come back at once.
 */
export function pauseAfter(thrown: unknown, failures: number, random: number): number | undefined {
  if (!(thrown instanceof TransientError)) return undefined;
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
  const jittered = delayMs / 2 + (delayMs / 2) * random;
  const { retryAfterMs = 0 } = thrown;
  if (retryAfterMs > MAX_RETRY_AFTER_MS) return undefined;
  return Math.max(jittered, retryAfterMs);
}
