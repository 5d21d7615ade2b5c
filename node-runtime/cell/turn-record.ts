import { DEADLINE_CELL_BYTES, DeadlineCell } from "../engine/deadline-cell.ts";

/** Behind the cell: an i32 that never changes, which the watchdog waits on between two looks. */
const PAUSE = DEADLINE_CELL_BYTES;
/** An i32 behind it: the number of the app whose turn it is, 0 when that is not known. */
const APP = PAUSE + 4;
/** Behind that: when whoever has the turn is overdue, an f64; the cell's own deadline is when to look at it first. */
const OVERDUE = APP + 4;
const BYTES = OVERDUE + 8;

/**
 * Who has the cell's thread, in memory that it shares with its watchdog and with the guests' epoch checks: a turn begins
 * each time that a guest begins to run, with that guest's deadline, and ends when none does.
 */
export class TurnRecord extends DeadlineCell {
  readonly buffer: SharedArrayBuffer;
  readonly #pause: Int32Array;
  readonly #overdue: Float64Array;
  readonly #app: Int32Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    super(buffer);
    this.buffer = buffer;
    this.#pause = new Int32Array(buffer, PAUSE, 1);
    this.#app = new Int32Array(buffer, APP, 1);
    this.#overdue = new Float64Array(buffer, OVERDUE, 1);
  }

  /**
   * A turn of an app begins, which must be over at `deadlineMs`; `sliceEndMs`, if it comes before, is when its guest is to
   * pause.
   */
  begin(deadlineMs: number, sliceEndMs: number, app = 0): void {
    // Before the turn: a watchdog that sees the turn sees whose it is.
    this.#app[0] = app;
    this.#overdue[0] = deadlineMs;
    this.enter(Math.min(deadlineMs, sliceEndMs));
  }

  /** Returns whose turn `read` told of; that of a later turn, if it is over. */
  get app(): number {
    return Atomics.load(this.#app, 0);
  }

  /** When whoever has the turn is overdue, in milliseconds of the machine's monotonic clock. */
  get overdueMs(): number {
    return this.#overdue[0]!;
  }

  /** Blocks this thread; for the watchdog. */
  pause(milliseconds: number): void {
    Atomics.wait(this.#pause, 0, 0, milliseconds);
  }
}

/** Milliseconds of the machine's monotonic clock, the same in every thread. */
export function monotonicMs(): number {
  return toMonotonicMs(performance.now());
}

/** Returns a time of this thread's `performance.now()` as one of the machine's monotonic clock. */
export function toMonotonicMs(timeMs: number): number {
  return timeMs + OFFSET_MS;
}

/**
 * What this thread's clock lacks. A thread that loses the processor between the two readings would go slow by that much for
 * good, and take a guest for overdue before another thread does: of many pairs of readings the closest counts.
 */
const OFFSET_MS = Math.max(
  ...Array.from({ length: 100 }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now()),
);
