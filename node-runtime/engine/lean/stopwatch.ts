/** Adds up the time in which a guest runs. */
export class Stopwatch {
  readonly #now: () => number;
  #sinceMs: number | undefined;
  #totalMs = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** It runs, if it did not already. */
  start(): void {
    this.#sinceMs ??= this.#now();
  }

  /** It no longer does. */
  stop(): void {
    if (this.#sinceMs !== undefined) this.#totalMs += this.#now() - this.#sinceMs;
    this.#sinceMs = undefined;
  }

  /** Returns the milliseconds since the last call, and begins anew. */
  take(): number {
    this.stop();
    const total = this.#totalMs;
    this.#totalMs = 0;
    return total;
  }
}
