/**
 * Who has the cell's one JavaScript thread. A guest has it from a call into it, or from where its engine resumes it, until
 * it waits or returns; the host's work for it in between counts as its own.
 *
 *   resume(A) ── A runs ── suspend(A) ── nobody ── resume(B) ── B runs ── resume(A): B's time ends here
 *
 * An engine that cannot tell when its guest runs says that it is expected: it has the thread then while no other is known
 * to. Whatever is forgotten ends with the turn of the event loop, so no idle time is ever counted.
 */
import type { Activity } from "../wasi/host.ts";

/** Told who has the thread, by the app's number in this cell (0: not known): the watchdog's record. */
export interface TurnObserver {
  enter(deadlineMs: number, app: number): void;
  leave(): void;
}

/** Divides the time of one thread among guests; at most one runs at a time. */
export class CpuMeter {
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

  /** `now` yields milliseconds; `atTurnEnd` calls back when the event loop has done what is due now. */
  constructor(
    observer?: TurnObserver,
    now: () => number = () => performance.now(),
    atTurnEnd: (callback: () => void) => unknown = setImmediate,
  ) {
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
    this.#observer?.enter(turns.deadlineMs, turns.account.app);
    this.#take(turns);
  }

  /** A guest may run in this turn of the event loop, nobody knows when: none of those that may is stopped too early. */
  expect(turns: GuestTurns): void {
    const { app } = turns.account;
    this.#expectedApp = this.#expectedDeadlineMs === undefined || this.#expectedApp === app ? app : 0;
    this.#expectedDeadlineMs = Math.max(this.#expectedDeadlineMs ?? -Infinity, turns.deadlineMs);
    this.#observer?.enter(this.#expectedDeadlineMs, this.#expectedApp);
    this.#take(turns);
  }

  /** Takes the thread from a guest, if it has it. */
  stop(turns: GuestTurns): void {
    if (this.#running !== turns) return;
    this.#running = undefined;
    turns.account.add(this.#now() - this.#sinceMs);
    if (this.#expectedDeadlineMs === undefined) this.#observer?.leave();
    else this.#observer?.enter(this.#expectedDeadlineMs, this.#expectedApp);
  }

  #take(turns: GuestTurns): void {
    const nowMs = this.#now();
    this.#running?.account.add(nowMs - this.#sinceMs);
    this.#running = turns;
    this.#sinceMs = nowMs;
    if (this.#endsTurn) return;
    this.#endsTurn = true;
    this.#atTurnEnd(this.#endTurn);
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

/** One guest's turns on the thread. */
export class GuestTurns implements Activity {
  readonly account: CpuAccount;
  readonly #meter: CpuMeter;
  /** When the guest must stop, in milliseconds of the machine's monotonic clock. */
  deadlineMs = Infinity;

  constructor(meter: CpuMeter, account: CpuAccount) {
    this.#meter = meter;
    this.account = account;
  }

  /** The guest runs from here on. */
  resume(): void {
    this.#meter.start(this);
  }

  /** It no longer does: it waits, or has returned. */
  suspend(): void {
    this.#meter.stop(this);
  }

  /** It may run later in this turn of the event loop. */
  expect(): void {
    this.#meter.expect(this);
  }

  /** Makes a call into the guest and counts it, up to where its promise settles; the guest's waits excepted. */
  async spend<T>(call: () => Promise<T>): Promise<T> {
    this.resume();
    try {
      return await call();
    } finally {
      this.suspend();
    }
  }
}
