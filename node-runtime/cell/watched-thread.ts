import { BEAT_MS, type Beat } from "./beat.ts";

/** Who is told of: an app that had the thread at every look for this long. Others give it back before anybody could ask. */
const HELD_MS = 20;
/** The most that one look counts: a process or a machine that stood still in between was not busy. */
const MAX_LOOK_MS = 2 * BEAT_MS;

/** What one look of a watchdog sees: the turn (0 for none), whose it is, and how often the event loop has turned. */
export interface Look {
  turn: number;
  app: number;
  loops: number;
}

/** Makes of a watchdog's looks what the supervisor is told: in every interval, and when another app has the thread. */
export class WatchedThread {
  #lookMs: number | undefined;
  #app = 0;
  #heldMs = 0;
  #loops = -1;
  #loopMs = 0;
  #hostMs = 0;
  #toldApp = 0;
  #toldMs = -Infinity;

  /** Takes one look; returns a beat when one is due. */
  look({ turn, app, loops }: Look, nowMs: number): Beat | undefined {
    const passedMs = Math.min(MAX_LOOK_MS, nowMs - (this.#lookMs ?? nowMs));
    this.#lookMs = nowMs;
    const holder = turn === 0 ? 0 : app;
    this.#heldMs = holder === this.#app ? this.#heldMs + passedMs : 0;
    this.#app = holder;
    const hasTurned = loops !== this.#loops;
    this.#loops = loops;
    this.#loopMs = hasTurned ? 0 : this.#loopMs + passedMs;
    this.#hostMs = hasTurned || turn !== 0 ? 0 : this.#hostMs + passedMs;
    if (nowMs - this.#toldMs < BEAT_MS && this.#holder === this.#toldApp) return undefined;
    this.#toldMs = nowMs;
    this.#toldApp = this.#holder;
    return this.beat();
  }

  /** Returns what the last look found; `stuckApp` has the thread and is not to be stopped. */
  beat(stuckApp?: number): Beat {
    const [loopMs, hostMs] = [Math.round(this.#loopMs), Math.round(this.#hostMs)];
    return { app: stuckApp ?? this.#holder, loopMs, hostMs, isStuck: stuckApp !== undefined };
  }

  get #holder(): number {
    return this.#heldMs >= HELD_MS ? this.#app : 0;
  }
}
