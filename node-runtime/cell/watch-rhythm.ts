/** Between two looks while guests compute long; while they run only shortly; and the longest, while none runs. */
const CLOSE_PAUSE_MS = 2;
const PAUSE_MS = 16;
const IDLE_PAUSE_MS = 64;
/** How long it is looked closely after a guest was found that computes long: one such app has more such requests. */
const CLOSE_MS = 1000;

/** What a look found: the turn (0 for none), what it has left, and a number that every turn changes. */
export interface Found {
  turn: number;
  leftMs: number;
  activity: number;
}

/**
 * How often the watchdog looks. Each look takes the processor from the thread that it watches, which shows where guests
 * run for microseconds: so it looks closely only once it has found one turn twice, or one that is over.
 */
export class WatchRhythm {
  #pauseMs = IDLE_PAUSE_MS;
  #turn = 0;
  #activity = 0;
  #closeUntilMs = -Infinity;

  /** Returns the time until the next look, in milliseconds. */
  next({ turn, leftMs, activity }: Found, nowMs: number): number {
    const isLong = turn !== 0 && (turn === this.#turn || leftMs <= 0);
    const isActive = turn !== 0 || activity !== this.#activity;
    [this.#turn, this.#activity] = [turn, activity];
    if (isLong) this.#closeUntilMs = nowMs + CLOSE_MS;
    if (nowMs < this.#closeUntilMs) {
      // A guest is stopped when its time comes, not at the look after it.
      return turn !== 0 && leftMs > 0 ? Math.min(leftMs, CLOSE_PAUSE_MS) : CLOSE_PAUSE_MS;
    }
    this.#pauseMs = isActive ? PAUSE_MS : Math.min(this.#pauseMs * 2, IDLE_PAUSE_MS);
    return this.#pauseMs;
  }
}
