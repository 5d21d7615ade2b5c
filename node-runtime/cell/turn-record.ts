/**
 * Who has the cell's thread, in memory that it shares with its watchdog and with the guests' epoch checks:
 *
 *   0  i32  stop: what guests check (engine/epoch.ts); not 0 traps the one that runs
 *   4  i32  the turn: another number each time that a guest begins to run, 0 while none does
 *   8  f64  the running guest's deadline, in milliseconds of the machine's monotonic clock
 *  16  i32  never changed: what the watchdog waits on between two looks
 *
 * To the watchdog, stop and turn are one 64-bit cell: when it decides to stop a guest while another begins to run, it
 * exchanges nothing (docs/adr/0004-module-rewriting.md). The thread that runs guests writes the turn first and clears
 * stop after it: whatever the watchdog stored for the turn before is gone before the next guest runs.
 */
const BYTES = 24;
const MAX_TURN = 0x7fff_ffff;

/** The record, as either thread sees it. */
export class TurnRecord {
  readonly buffer: SharedArrayBuffer;
  readonly #cell: BigInt64Array;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  #turn = 0;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#cell = new BigInt64Array(buffer, 0, 1);
    this.#words = new Int32Array(buffer, 0, BYTES / 4);
    this.#times = new Float64Array(buffer, 8, 1);
  }

  /** A guest runs from here on, which must stop at `deadlineMs`. */
  enter(deadlineMs: number): void {
    this.#turn = this.#turn === MAX_TURN ? 1 : this.#turn + 1;
    // In this order: a watchdog that sees the new turn sees its deadline.
    this.#times[0] = deadlineMs;
    Atomics.store(this.#words, 1, this.#turn);
    Atomics.store(this.#words, 0, 0);
  }

  /** No guest runs any more. */
  leave(): void {
    Atomics.store(this.#words, 1, 0);
    Atomics.store(this.#words, 0, 0);
  }

  /** Returns the running turn and its deadline; a deadline that belongs to another turn is told by reading again. */
  read(): { turn: number; deadlineMs: number } {
    return { turn: Atomics.load(this.#words, 1), deadlineMs: this.#times[0]! };
  }

  /** Stops the guest of this turn at its next check, if it still runs. */
  stop(turn: number): void {
    Atomics.compareExchange(this.#cell, 0, cellOf(turn), cellOf(turn) | 1n);
  }

  /** Blocks this thread; for the watchdog. */
  pause(milliseconds: number): void {
    Atomics.wait(this.#words, 4, 0, milliseconds);
  }
}

function cellOf(turn: number): bigint {
  return BigInt(turn) << 32n;
}

/** Milliseconds of the machine's monotonic clock, the same in every thread. */
export function monotonicMs(): number {
  return toMonotonicMs(performance.now());
}

/** Returns a time of this thread's `performance.now()` as one of the machine's monotonic clock. */
export function toMonotonicMs(timeMs: number): number {
  return timeMs + OFFSET_MS;
}

const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();
