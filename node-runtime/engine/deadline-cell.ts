/** How many bytes a cell takes; it begins at a multiple of 8. */
export const DEADLINE_CELL_BYTES = 16;

const MAX_TURN = 0x7fff_ffff;

/**
 * A deadline, and the word that stops who goes on past it, in memory that is shared with a watchdog's thread:
 *
 *   0  i32  stop: what guests check; not 0 traps
 *   4  i32  the turn: another number each time that a deadline begins to count, 0 while none does
 *   8  f64  the deadline, in milliseconds of the machine's monotonic clock
 *
 * To the watchdog, stop and turn are one 64-bit value: a watchdog that decides to stop a turn while another begins exchanges nothing
 * (docs/adr/0004-module-rewriting.md).
 */
export class DeadlineCell {
  readonly #value: BigInt64Array;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  #turn = 0;

  constructor(buffer: SharedArrayBuffer, offset = 0) {
    this.#value = new BigInt64Array(buffer, offset, 1);
    this.#words = new Int32Array(buffer, offset, 2);
    this.#times = new Float64Array(buffer, offset + 8, 1);
  }

  /** A turn begins, which must end at `deadlineMs`; nobody is stopped yet. */
  enter(deadlineMs: number): void {
    this.#turn = this.#turn === MAX_TURN ? 1 : this.#turn + 1;
    // In this order: a watchdog that sees the new turn sees its deadline.
    this.#times[0] = deadlineMs;
    this.#store(this.#turn, 0);
  }

  /** The turn is over; nobody is stopped. */
  leave(): void {
    this.#store(0, 0);
  }

  /** The turn is over; who checks the word traps from here on, until the next turn begins. */
  close(): void {
    this.#store(0, 1);
  }

  /** Returns the turn and its deadline; a deadline that belongs to another turn is told by reading again. */
  read(): { turn: number; deadlineMs: number } {
    return { turn: Atomics.load(this.#words, 1), deadlineMs: this.#times[0]! };
  }

  /** Stops who checks the word, if it is still this turn. */
  stop(turn: number): void {
    Atomics.compareExchange(this.#value, 0, valueOf(turn), valueOf(turn) | 1n);
  }

  /**
   * Writes the turn first: whatever the watchdog stores for the turn before is gone before anybody runs in this one. Two
   * words at a time: as one they would be a BigInt, which costs more than the rest of a turn.
   */
  #store(turn: number, stop: 0 | 1): void {
    Atomics.store(this.#words, 1, turn);
    Atomics.store(this.#words, 0, stop);
  }

  /** Whether who checks the word traps. */
  get isStopped(): boolean {
    return Atomics.load(this.#words, 0) !== 0;
  }
}

function valueOf(turn: number): bigint {
  return BigInt(turn) << 32n;
}
