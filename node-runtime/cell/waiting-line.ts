import { Deadlines, type Limited } from "./deadlines.ts";

/** How long the pace is measured before it counts, and over how many turns: a process that was not run for a while is not slow. */
const WINDOW_MS = 50;
const WINDOW_TURNS = 8;

/**
 * The requests of an app that wait for their turn, for the thread or for a place. None waits longer than `maxMs`, and one
 * that would have to, as the line gets on, is not let in: refused at once it costs least, and whoever sent it can go
 * elsewhere.
 */
export class WaitingLine {
  readonly #maxMs: number;
  readonly #now: () => number;
  readonly #expiring: Deadlines;
  #length = 0;
  /** Milliseconds between two turns, as they last came; 0 as long as nobody knows. */
  #paceMs = 0;
  #turns = 0;
  #sinceMs = 0;

  constructor(maxMs: number, now: () => number = () => performance.now()) {
    this.#maxMs = maxMs;
    this.#now = now;
    this.#expiring = new Deadlines(maxMs, now);
  }

  /** Whether one more would wait too long. */
  get isTooLong(): boolean {
    return this.#length * this.#paceMs > this.#maxMs;
  }

  /** It begins to wait, and expires unless it leaves in time. */
  enter(limited: Limited, arrivedMs: number): void {
    if (this.#length++ === 0) {
      this.#paceMs = 0;
      this.#measureFrom(this.#now());
    }
    this.#expiring.add(limited, arrivedMs);
  }

  /** Its turn has come. */
  turn(limited: Limited): void {
    this.leave(limited);
    this.#turns++;
    const now = this.#now();
    if (this.#turns < WINDOW_TURNS || now - this.#sinceMs < WINDOW_MS) return;
    this.#paceMs = (now - this.#sinceMs) / this.#turns;
    this.#measureFrom(now);
  }

  /** It waits no more. */
  leave(limited: Limited): void {
    this.#length--;
    this.#expiring.delete(limited);
  }

  #measureFrom(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#turns = 0;
  }
}
