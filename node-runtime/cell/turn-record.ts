import { DEADLINE_CELL_BYTES, DeadlineCell } from "../engine/deadline-cell.ts";

/** Behind the cell: an i32 that never changes, which the watchdog waits on between two looks. */
const PAUSE = DEADLINE_CELL_BYTES;
const BYTES = 24;

/**
 * Who has the cell's thread, in memory that it shares with its watchdog and with the guests' epoch checks: a turn begins
 * each time that a guest begins to run, with that guest's deadline, and ends when none does.
 */
export class TurnRecord extends DeadlineCell {
  readonly buffer: SharedArrayBuffer;
  readonly #pause: Int32Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    super(buffer);
    this.buffer = buffer;
    this.#pause = new Int32Array(buffer, PAUSE, 1);
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
