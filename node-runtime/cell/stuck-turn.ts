/** How long a guest may go on past its deadline before the process ends. */
const KILL_GRACE_MS = 1000;

/**
 * Tells the turn of a guest that nothing stops. One that begins past its deadline, as when something wakes an instance
 * that is kept between two requests, has the same grace, from where it was first seen.
 */
export class StuckTurn {
  #turn = 0;
  #sinceMs = 0;

  /** Looks at the turn that the thread is in (0 for none) at a time. */
  isStuck({ turn, deadlineMs }: { turn: number; deadlineMs: number }, nowMs: number): boolean {
    if (turn !== this.#turn) [this.#turn, this.#sinceMs] = [turn, nowMs];
    return turn !== 0 && nowMs - Math.max(deadlineMs, this.#sinceMs) > KILL_GRACE_MS;
  }
}
