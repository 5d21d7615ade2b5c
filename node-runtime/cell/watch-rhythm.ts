/** Between two looks while guests run, or have just run; while none does for long. */
const BUSY_PAUSE_MS = 2;
const IDLE_PAUSE_MS = 32;

/** How often the watchdog looks: seldom while a cell idles, soon after guests began to run, and when one must stop. */
export class WatchRhythm {
  #pauseMs = IDLE_PAUSE_MS;
  #seen = 0;

  /**
   * Returns the time until the next look, in milliseconds. `activity` is a number that every turn changes, `leftMs` what
   * the turn under way has left; undefined without one.
   */
  next(activity: number, leftMs: number | undefined): number {
    const isActive = leftMs !== undefined || activity !== this.#seen;
    this.#seen = activity;
    this.#pauseMs = isActive ? BUSY_PAUSE_MS : Math.min(this.#pauseMs * 2, IDLE_PAUSE_MS);
    // A guest is stopped when its time comes, not at the look after it.
    return leftMs !== undefined && leftMs > 0 ? Math.min(leftMs, this.#pauseMs) : this.#pauseMs;
  }
}
