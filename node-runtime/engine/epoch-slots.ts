import { DEADLINE_CELL_BYTES, DeadlineCell } from "./deadline-cell.ts";

/*
 * Words for guests whose engine cannot tell when they run: each has one of its own, with its own deadline, so that a stop
 * traps the guest that is overdue and no other, whoever has the thread. They lie in the epoch's memory behind the word that
 * the others share:
 *
 *    0  what all others check, and the cell's turn record (cell/turn-record.ts)
 *   32  i32  a word that nobody ever stops, for guests beyond the last slot
 *   48  i32  how many slots the watchdog looks at
 *   64  the slots: one deadline cell each
 */
const NEVER_STOPPED = 32;
const COUNT = 48;
const FIRST_SLOT = 64;

/** Hands out the slots of the epoch's memory. */
export class EpochSlots {
  readonly #buffer: SharedArrayBuffer;
  readonly #free: number[] = [];
  readonly #count: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#buffer = buffer;
    this.#count = new Int32Array(buffer, COUNT, 1);
  }

  /** Returns a slot that is not armed; when all are taken, one that never stops its guest. */
  take(): EpochSlot {
    const address = this.#free.pop() ?? this.#next();
    if (address === undefined) return new EpochSlot(NEVER_STOPPED);
    return new EpochSlot(address, new DeadlineCell(this.#buffer, address), () => this.#free.push(address));
  }

  #next(): number | undefined {
    const count = this.#count[0]!;
    const address = addressOf(count);
    if (address + DEADLINE_CELL_BYTES > this.#buffer.byteLength) return undefined;
    Atomics.store(this.#count, 0, count + 1);
    return address;
  }
}

/** The word that one guest checks. */
export class EpochSlot {
  /** Where it lies in the epoch's memory. */
  readonly address: number;
  #cell: DeadlineCell | undefined;
  readonly #onRelease: () => void;

  constructor(address: number, cell?: DeadlineCell, onRelease: () => void = () => {}) {
    this.address = address;
    this.#cell = cell;
    this.#onRelease = onRelease;
    cell?.leave();
  }

  /** Stops the guest once the deadline has passed, in milliseconds of the machine's monotonic clock. */
  arm(deadlineMs: number): void {
    this.#cell?.enter(deadlineMs);
  }

  /** No deadline counts any more. */
  disarm(): void {
    this.#cell?.leave();
  }

  /** Whether the guest was stopped. */
  get isStopped(): boolean {
    return this.#cell?.isStopped ?? false;
  }

  /** The guest is gone: what may be left of it traps, and the slot is another's to take. */
  release(): void {
    if (this.#cell === undefined) return;
    this.#cell.close();
    this.#cell = undefined;
    this.#onRelease();
  }
}

/** The slots as the watchdog sees them. */
export class WatchedSlots {
  readonly #buffer: SharedArrayBuffer;
  readonly #count: Int32Array;
  readonly #cells: DeadlineCell[] = [];

  constructor(buffer: SharedArrayBuffer) {
    this.#buffer = buffer;
    this.#count = new Int32Array(buffer, COUNT, 1);
  }

  /** Stops every guest whose deadline has passed. */
  stopOverdue(nowMs: number): void {
    const count = Atomics.load(this.#count, 0);
    while (this.#cells.length < count) this.#cells.push(new DeadlineCell(this.#buffer, addressOf(this.#cells.length)));
    for (const cell of this.#cells) {
      const { turn, deadlineMs } = cell.read();
      if (turn !== 0 && nowMs >= deadlineMs) cell.stop(turn);
    }
  }
}

function addressOf(slot: number): number {
  return FIRST_SLOT + slot * DEADLINE_CELL_BYTES;
}
