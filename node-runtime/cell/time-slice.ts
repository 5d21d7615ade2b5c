/** How long one app starts requests without a pause, while no other app of the cell is asked anything. */
const ALONE_MS = 5;
/** How long while others are: what one takes, the others wait. */
const SHARED_MS = 1;
/** For how long an app whose turn came counts as one that is asked. */
const SHARING_MS = 1000;
/** How many turns slices are put off while connections come. Not a time: a process that others keep from running would accept none in it. */
const MAX_ACCEPTING_TURNS = 100;

/**
 * Who uses a thread: one app, or several in turns; and connections that come. A turn of the event loop accepts one
 * connection of a port. If each had a slice in it, more would come than are accepted: they would grow old in the kernel's
 * queue, unseen, until whoever made them has given up, and what is done for them is in vain.
 */
export class ThreadShare {
  #last: TimeSlice | undefined;
  #nowMs = -Infinity;
  #sharedMs = -Infinity;
  #hasAccepted = false;
  #acceptingTurns = 0;

  /** A connection has come. */
  readonly accepted = (): void => {
    this.#hasAccepted = true;
  };

  /** Returns whether a slice is to wait for another turn, because connections come. */
  putsOff(): boolean {
    const hasAccepted = this.#hasAccepted;
    this.#hasAccepted = false;
    if (hasAccepted && ++this.#acceptingTurns <= MAX_ACCEPTING_TURNS) return true;
    this.#acceptingTurns = 0;
    return false;
  }

  /** How long the slice that begins now is. */
  begin(nowMs: number): number {
    this.#nowMs = nowMs;
    return nowMs - this.#sharedMs < SHARING_MS ? SHARED_MS : ALONE_MS;
  }

  /** Somebody asks for a part of this slice's app. */
  note(slice: TimeSlice): void {
    if (this.#last === slice) return;
    if (this.#last !== undefined) this.#sharedMs = this.#nowMs;
    this.#last = slice;
  }
}

/** That of this process. */
export const THREAD = new ThreadShare();

/**
 * Lets callers pass in their order, for a slice of time within one turn of the event loop; who comes later waits for the
 * next turn, and sockets, timers and other apps come first. Without contention nobody waits.
 */
export class TimeSlice {
  readonly #now: () => number;
  readonly #share: ThreadShare;
  readonly #waiting: (() => void)[] = [];
  /** When the slice that has begun ends. */
  #endMs: number | undefined;

  constructor(now: () => number = () => performance.now(), share: ThreadShare = THREAD) {
    this.#now = now;
    this.#share = share;
  }

  /** Returns undefined when the caller may go on now, else what it has to wait for. */
  pass(): Promise<void> | undefined {
    this.#share.note(this);
    if (this.#endMs === undefined) this.#begin();
    if (this.#waiting.length === 0 && !this.#isOver()) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Begins a slice, which ends with this turn of the event loop. */
  #begin(): void {
    const nowMs = this.#now();
    this.#endMs = nowMs + this.#share.begin(nowMs);
    setImmediate(() => void this.#continue());
  }

  /** Lets those who waited pass, one by one, as far as a new slice goes. */
  async #continue(): Promise<void> {
    this.#endMs = undefined;
    if (this.#waiting.length === 0) return;
    if (this.#share.putsOff()) {
      this.#endMs = this.#now();
      return void setImmediate(() => void this.#continue());
    }
    this.#begin();
    while (this.#waiting.length > 0 && !this.#isOver()) {
      this.#waiting.shift()!();
      await untilDone();
    }
  }

  #isOver(): boolean {
    return this.#endMs === undefined || this.#now() >= this.#endMs;
  }
}

/** Resolves when all that goes on without waiting for the event loop is done: what one does counts for the next. */
async function untilDone(): Promise<void> {
  // A tick that is asked for among the microtasks comes when none of them is left.
  await Promise.resolve();
  await new Promise<void>((resolve) => process.nextTick(resolve));
}
