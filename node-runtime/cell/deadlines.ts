/** Something that must be over by a certain time. */
export interface Limited {
  expire(): void;
}

/** The longest delay that Node.js knows; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * The deadlines of what all takes equally long at most, so that who came first is first to expire: one timer serves all
 * of them. A timer each costs more than the rest of a short request's accounting.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #begun = new Map<Limited, number>();
  #isArmed = false;

  constructor(timeoutMs: number, now: () => number = () => performance.now()) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /** Has it expire `timeoutMs` after `beganMs`, of the same clock; not before anything that was added earlier. */
  add(limited: Limited, beganMs: number): void {
    this.#begun.set(limited, beganMs);
    if (!this.#isArmed) this.#arm(beganMs);
  }

  /** It is over. */
  delete(limited: Limited): void {
    this.#begun.delete(limited);
  }

  /** Expires what is due. The timer of one that is over is left to run: it then waits for the next. */
  readonly #check = (): void => {
    this.#isArmed = false;
    for (const [limited, beganMs] of this.#begun) {
      if (beganMs + this.#timeoutMs > this.#now()) {
        return this.#arm(beganMs);
      }
      this.#begun.delete(limited);
      limited.expire();
    }
  };

  #arm(beganMs: number): void {
    this.#isArmed = true;
    const leftMs = Math.ceil(beganMs + this.#timeoutMs - this.#now());
    setTimeout(this.#check, Math.min(Math.max(1, leftMs), MAX_DELAY_MS)).unref();
  }
}
