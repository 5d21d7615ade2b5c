/** Requests of an app in one cell that compute on while others of it begin: each holds an instance. */
const MAX_LONG_RUNS = 8;

/**
 * Requests of one app that had to pause because they compute long. While there are many, no further request begins: what
 * they take is memory, and none of them would end sooner. As soon as there are fewer, those that waited pass, in each turn
 * of the event loop as many as could be long ones: most are not, and nobody would tell when those end.
 */
export class LongRuns {
  readonly #atTurnEnd: (callback: () => void) => unknown;
  #count = 0;
  /** With what tells each that it passes, in their order. */
  readonly #waiting = new Map<unknown, () => void>();
  #isArmed = false;

  /** `atTurnEnd` calls back when the event loop has done what is due now. */
  constructor(atTurnEnd: (callback: () => void) => unknown = setImmediate) {
    this.#atTurnEnd = atTurnEnd;
  }

  /** A request pauses for the first time, or again after it waited. */
  begin(): void {
    this.#count++;
  }

  /** It is over, or waits. */
  end(): void {
    this.#count--;
    this.#arm();
  }

  /** Returns whether a request may begin now; if not, `onPass` is called when it may. */
  pass(waiter: unknown, onPass: () => void): boolean {
    if (this.#count < MAX_LONG_RUNS && this.#waiting.size === 0) return true;
    this.#waiting.set(waiter, onPass);
    return false;
  }

  /** The waiter does not want to begin any more; returns whether it waited. */
  leave(waiter: unknown): boolean {
    return this.#waiting.delete(waiter);
  }

  #arm(): void {
    if (this.#isArmed || this.#waiting.size === 0 || this.#count >= MAX_LONG_RUNS) return;
    this.#isArmed = true;
    this.#atTurnEnd(this.#letPass);
  }

  readonly #letPass = (): void => {
    this.#isArmed = false;
    let left = MAX_LONG_RUNS - this.#count;
    for (const [waiter, onPass] of this.#waiting) {
      if (left-- <= 0) break;
      this.#waiting.delete(waiter);
      onPass();
    }
    this.#arm();
  };
}
