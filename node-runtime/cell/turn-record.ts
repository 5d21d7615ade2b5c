/**
 * Who has the cell's thread, in memory that it shares with its watchdog:
 *
 *   0  i32  the turn: another number each time that a guest begins to run, 0 while none does
 *   4  i32  never changed: what the watchdog waits on between two looks
 *   8  f64  the running guest's deadline, in milliseconds of the machine's monotonic clock
 */
const BYTES = 16;
const MAX_TURN = 0x7fff_ffff;

/** The record, as either thread sees it. */
export class TurnRecord {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  #turn = 0;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  /** A guest runs from here on, which must stop at `deadlineMs`. */
  enter(deadlineMs: number): void {
    this.#turn = this.#turn === MAX_TURN ? 1 : this.#turn + 1;
    // In this order: a watchdog that sees the new turn sees its deadline.
    this.#times[1] = deadlineMs;
    Atomics.store(this.#words, 0, this.#turn);
  }

  /** No guest runs any more. */
  leave(): void {
    Atomics.store(this.#words, 0, 0);
  }

  /** Returns the running turn and its deadline; a deadline that belongs to another turn is told by reading again. */
  read(): { turn: number; deadlineMs: number } {
    return { turn: Atomics.load(this.#words, 0), deadlineMs: this.#times[1]! };
  }

  /** Blocks this thread; for the watchdog. */
  pause(milliseconds: number): void {
    Atomics.wait(this.#words, 1, 0, milliseconds);
  }
}

/** Milliseconds of the machine's monotonic clock, the same in every thread. */
export function monotonicMs(): number {
  return performance.now() + OFFSET_MS;
}

const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();
