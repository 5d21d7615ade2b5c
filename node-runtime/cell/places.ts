/** Requests that may wait for an instance, as a multiple of the concurrency limit; more are refused. */
const QUEUE_FACTOR = 4;

/** The places of one app: how many of its requests may have an instance, whichever of its programs they are for. */
export class Places {
  readonly #limit: number;
  #taken = 0;
  /** Those for whom there is none, in their order, each with what tells it that it has one. */
  readonly #waiting = new Map<unknown, () => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a place; false when there is none. */
  take(): boolean {
    if (this.#taken >= this.#limit) return false;
    this.#taken++;
    return true;
  }

  /** Waits for a place, which `onPlace` is told of within `free`; false when too many wait. */
  wait(waiter: unknown, onPlace: () => void): boolean {
    if (this.#waiting.size >= this.#limit * QUEUE_FACTOR) return false;
    this.#waiting.set(waiter, onPlace);
    return true;
  }

  /** The waiter wants no place any more. */
  leave(waiter: unknown): void {
    this.#waiting.delete(waiter);
  }

  /** Gives a place back: it goes to the one who waited longest. */
  free(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken--;
      return;
    }
    const [waiter, onPlace] = next;
    this.#waiting.delete(waiter);
    onPlace();
  }
}
