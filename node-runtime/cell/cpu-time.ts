/**
 * Who has the cell's one JavaScript thread. A guest has it from a call into it, or from where its engine resumes it, until
 * it waits or returns; the host's work for it in between counts as its own.
 *
 *   resume(A) ── A runs ── suspend(A) ── nobody ── resume(B) ── B runs ── resume(A): B's time ends here
 *
 * An engine that cannot tell when its guest runs says that it is expected: it has the thread then while no other is known
 * to. Whatever is forgotten ends with the turn of the event loop, so no idle time is ever counted.
 */
import { GO_ON, PAUSE, type Pauses, TRAP } from "../engine/pause.ts";
import { suspendDuring } from "../engine/suspension.ts";
import { GuestTurns } from "./guest-turns.ts";
import { LongRuns } from "./long-runs.ts";
import { PausedGuests } from "./paused-guests.ts";
import { monotonicMs } from "./turn-record.ts";

/** How long a guest computes before others get the thread: what those wait is this, and a pause costs about 1 % of it. */
const SLICE_MS = 2;

/** How long a guest may compute where it cannot pause: in its allocator, which the host calls. One call takes microseconds. */
const MAX_HELD_MS = 250;

/** Time on the thread that is worth a look at the thread's own clock, which takes longer than the rest of the accounting. */
const LONG_MS = 1;

/**
 * Told who has the thread, by the app's number in this cell (0: not known): the watchdog's record. Times are of the
 * machine's monotonic clock.
 */
export interface TurnObserver {
  begin(deadlineMs: number, sliceEndMs: number, app: number): void;
  leave(): void;
}

/** Divides the time of one thread among guests; at most one runs at a time. */
export class CpuMeter implements Pauses {
  readonly #observer: TurnObserver | undefined;
  readonly #now: () => number;
  readonly #atTurnEnd: (callback: () => void) => unknown;
  #running: GuestTurns | undefined;
  #sinceMs = 0;
  /** The latest deadline of those that are expected to run in this turn of the event loop. */
  #expectedDeadlineMs: number | undefined;
  /** Whose guests these are; 0 when of several apps. */
  #expectedApp = 0;
  #endsTurn = false;
  readonly #paused: PausedGuests;
  readonly #cpuNow: () => number;
  #cpuMs: number;

  /**
   * `now` yields milliseconds of the machine's monotonic clock, `cpuNow` those that this thread has had a processor.
   * `atTurnEnd` calls back when the event loop has done what is due now.
   */
  constructor(
    observer?: TurnObserver,
    now: () => number = monotonicMs,
    atTurnEnd: (callback: () => void) => unknown = setImmediate,
    cpuNow = now === monotonicMs ? threadCpuMs : now,
  ) {
    this.#cpuNow = cpuNow;
    this.#cpuMs = cpuNow();
    this.#paused = new PausedGuests(atTurnEnd);
    this.#observer = observer;
    this.#now = now;
    this.#atTurnEnd = atTurnEnd;
  }

  /** Returns a new account: one for each program of an app, which the supervisor knows by its number. */
  open(app = 0): CpuAccount {
    return new CpuAccount(this, app);
  }

  /** Gives the thread to a guest until its deadline, taking it from the one that has it. */
  start(turns: GuestTurns): void {
    this.#take(turns);
    this.#begin(turns);
  }

  /** A guest may run in this turn of the event loop, nobody knows when: none of those that may is stopped too early. */
  expect(turns: GuestTurns): void {
    this.#take(turns);
    const { app } = turns.account;
    this.#expectedApp = this.#expectedDeadlineMs === undefined || this.#expectedApp === app ? app : 0;
    this.#expectedDeadlineMs = Math.max(this.#expectedDeadlineMs ?? -Infinity, turns.deadlineMs);
    this.#observer?.begin(this.#expectedDeadlineMs, Infinity, this.#expectedApp);
  }

  /** Takes the thread from a guest, if it has it. */
  stop(turns: GuestTurns): void {
    if (this.#running !== turns) return;
    this.#running = undefined;
    this.#charge(turns, this.#now());
    if (this.#expectedDeadlineMs === undefined) this.#observer?.leave();
    else this.#observer?.begin(this.#expectedDeadlineMs, Infinity, this.#expectedApp);
  }

  /** The guest that runs was told to stop: it goes on where it cannot pause, and traps when its time is over. */
  decide(): typeof GO_ON | typeof PAUSE | typeof TRAP {
    const turns = this.#running;
    if (turns === undefined) return TRAP;
    this.#take(turns);
    if (turns.isOver(this.#sinceMs)) return TRAP;
    if (turns.guest?.mayLeave === true) return PAUSE;
    if (turns.holdsFor(this.#sinceMs) > MAX_HELD_MS) return TRAP;
    this.#begin(turns);
    return GO_ON;
  }

  /** The guest that runs waits until those had the thread that want it. */
  pause(): Promise<typeof GO_ON | typeof TRAP> {
    const turns = this.#running!;
    turns.notePause();
    const next = this.#paused.wait(turns.account).then(() => (turns.isOver(this.#now()) ? TRAP : GO_ON));
    return suspendDuring(turns.guest!, next);
  }

  #begin(turns: GuestTurns): void {
    const sliceEndMs = turns.guest === undefined ? Infinity : this.#sinceMs + SLICE_MS;
    this.#observer?.begin(turns.endMs(this.#sinceMs), sliceEndMs, turns.account.app);
  }

  #take(turns: GuestTurns): void {
    const nowMs = this.#now();
    if (this.#running !== undefined) this.#charge(this.#running, nowMs);
    this.#running = turns;
    this.#sinceMs = nowMs;
    if (this.#endsTurn) return;
    this.#endsTurn = true;
    this.#atTurnEnd(this.#endTurn);
  }

  /** A guest had the thread until now, but maybe not all the time a processor for it: that is asked where it matters. */
  #charge(turns: GuestTurns, nowMs: number): void {
    const wallMs = nowMs - this.#sinceMs;
    if (wallMs < LONG_MS) return turns.add(wallMs, wallMs);
    const cpuMs = this.#cpuNow();
    turns.add(Math.min(wallMs, cpuMs - this.#cpuMs), wallMs);
    this.#cpuMs = cpuMs;
  }

  readonly #endTurn = (): void => {
    this.#endsTurn = false;
    this.#expectedDeadlineMs = undefined;
    if (this.#running === undefined) this.#observer?.leave();
    else this.stop(this.#running);
  };
}

/** The time that one app's guests had the thread. */
export class CpuAccount {
  readonly app: number;
  /** Requests of the app that compute long. */
  readonly longRuns = new LongRuns();
  readonly #meter: CpuMeter;
  #spentMs = 0;

  constructor(meter: CpuMeter, app: number) {
    this.app = app;
    this.#meter = meter;
  }

  /** Returns the turns of one guest of this app. */
  turns(): GuestTurns {
    return new GuestTurns(this.#meter, this);
  }

  /** Adds time; for the meter. */
  add(milliseconds: number): void {
    this.#spentMs += milliseconds;
  }

  /** Returns the seconds since the last call. */
  takeSeconds(): number {
    const seconds = this.#spentMs / 1000;
    this.#spentMs = 0;
    return seconds;
  }
}

/** Milliseconds for which this thread has had a processor. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
