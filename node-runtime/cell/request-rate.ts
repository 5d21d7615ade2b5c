/** A request's worth: whole microseconds times whole requests per second add up without rounding. */
const TOKEN = 1_000_000;
const MICROSECONDS_PER_MS = 1000;

/**
 * A token bucket: how many requests an app may be asked in a second, and as many at once. It counts the time that its
 * clock goes forwards; a step backwards is no time at all.
 */
export class RequestRate {
  readonly perSecond: number;
  #filled: number;
  #atMicroseconds: number;

  /** Full at first. `perSecond` is a whole number, 1 at least. */
  constructor(perSecond: number, nowMs: number) {
    this.perSecond = perSecond;
    this.#filled = perSecond * TOKEN;
    this.#atMicroseconds = microsecondsOf(nowMs);
  }

  /** Takes a token; false when there is none, which is so for a second at most. */
  take(nowMs: number): boolean {
    const now = microsecondsOf(nowMs);
    const gained = Math.max(0, now - this.#atMicroseconds) * this.perSecond;
    this.#filled = Math.min(this.perSecond * TOKEN, this.#filled + gained);
    this.#atMicroseconds = now;
    if (this.#filled < TOKEN) return false;
    this.#filled -= TOKEN;
    return true;
  }
}

/** Returns the rate of an app's next version. It goes on where it was unless it is another: a new version is no way around it. */
export function rateAfter(
  before: RequestRate | undefined,
  perSecond: number | undefined,
  nowMs = performance.now(),
): RequestRate | undefined {
  if (before?.perSecond === perSecond) return before;
  return perSecond === undefined ? undefined : new RequestRate(perSecond, nowMs);
}

function microsecondsOf(ms: number): number {
  return Math.floor(ms * MICROSECONDS_PER_MS);
}
