/** How long one app starts requests without a pause. */
const SLICE_MS = 5;

/**
 * Lets callers pass in their order, for `SLICE_MS` within one turn of the event loop; who comes later waits for the next
 * turn, and sockets, timers and other apps come first. Without contention nobody waits.
 */
export class TimeSlice {
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  #beginMs: number | undefined;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Returns undefined when the caller may go on now, else what it has to wait for. */
  pass(): Promise<void> | undefined {
    if (this.#beginMs === undefined) this.#begin();
    if (this.#waiting.length === 0 && !this.#isOver()) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Begins a slice, which ends with this turn of the event loop. */
  #begin(): void {
    this.#beginMs = this.#now();
    setImmediate(() => void this.#continue());
  }

  /** Lets those who waited pass, one by one, as far as a new slice goes. */
  async #continue(): Promise<void> {
    this.#beginMs = undefined;
    if (this.#waiting.length === 0) return;
    this.#begin();
    while (this.#waiting.length > 0 && !this.#isOver()) {
      this.#waiting.shift()!();
      await untilDone();
    }
  }

  #isOver(): boolean {
    return this.#beginMs === undefined || this.#now() - this.#beginMs >= SLICE_MS;
  }
}

/** Resolves when all that goes on without waiting for the event loop is done: what one does counts for the next. */
async function untilDone(): Promise<void> {
  // A tick that is asked for among the microtasks comes when none of them is left.
  await Promise.resolve();
  await new Promise<void>((resolve) => process.nextTick(resolve));
}
