/** Requests of an app in one cell that compute on while others of it begin: each holds an instance. */
const MAX_LONG_RUNS = 8;

/**
 * Requests of one app that had to pause because they compute long. While there are many, no further request begins: what
 * they take is memory, and none of them would end sooner.
 */
export class LongRuns {
  #count = 0;
  readonly #waiting: (() => void)[] = [];

  /** A request pauses for the first time. */
  begin(): void {
    this.#count++;
  }

  /** It is over. */
  end(): void {
    this.#count--;
    this.passOn();
  }

  /** Returns undefined when a request may begin, else what it waits for; in their order. */
  pass(): Promise<void> | undefined {
    if (this.#count < MAX_LONG_RUNS) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets the next one pass: one went, or whoever was let pass is gone. */
  passOn(): void {
    if (this.#count < MAX_LONG_RUNS) this.#waiting.shift()?.();
  }
}
