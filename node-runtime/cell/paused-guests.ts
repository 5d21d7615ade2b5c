/** Whose guest it is: apps have the thread in turns. */
type Owner = object;

/**
 * Guests that were suspended in the middle of a computation. One of them goes on in each turn of the event loop, so that
 * sockets, timers and other requests come in between; apps take turns, and within one app who waited longest.
 */
export class PausedGuests {
  readonly #waiting = new Map<Owner, (() => void)[]>();
  readonly #atTurnEnd: (callback: () => void) => unknown;
  #isArmed = false;

  /** `atTurnEnd` calls back when the event loop has done what is due now. */
  constructor(atTurnEnd: (callback: () => void) => unknown = setImmediate) {
    this.#atTurnEnd = atTurnEnd;
  }

  /** Resolves when it is the turn of a guest of this owner's. */
  wait(owner: Owner): Promise<void> {
    this.#arm();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(owner);
      if (waiting === undefined) this.#waiting.set(owner, [resolve]);
      else waiting.push(resolve);
    });
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#atTurnEnd(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#isArmed = false;
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [owner, waiting] = first;
    this.#waiting.delete(owner);
    const next = waiting.shift()!;
    if (waiting.length > 0) this.#waiting.set(owner, waiting);
    if (this.#waiting.size > 0) this.#arm();
    next();
  };
}
