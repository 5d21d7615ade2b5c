import type { Activity, PausableGuest } from "../wasi/host.ts";
import type { CpuAccount, CpuMeter } from "./cpu-time.ts";
import { monotonicMs } from "./turn-record.ts";

/** Clocks of threads differ by less: a guest that another thread stopped is as good as at its end. */
const CLOCK_SKEW_MS = 1;

/** One guest's turns on the thread, and when they must be over: at a time, or when it has had the thread for so long. */
export class GuestTurns implements Activity {
  readonly account: CpuAccount;
  /** The guest, while its stack can be suspended. */
  guest: PausableGuest | undefined;
  readonly #meter: CpuMeter;
  #deadlineMs = Infinity;
  #cpuLimitMs = Infinity;
  #spentMs = 0;
  /** Whether it computes long: it has paused, and not waited since. */
  #isLong = false;
  #isPausing = false;
  /** Whether a guest that is stopped before it has had its CPU time may go on: only where its checks let the cell decide. */
  #isExact = true;
  /** Since when it was asked to pause and could not. */
  #heldSinceMs: number | undefined;

  constructor(meter: CpuMeter, account: CpuAccount) {
    this.#meter = meter;
    this.account = account;
  }

  /**
   * Begins a request's turns: until `deadlineMs` of the machine's monotonic clock, and no more than `cpuLimitMs`. Without
   * `mayGoOn` a guest that is told to stop traps, as start functions do: then the time that it had the thread counts.
   */
  limit(deadlineMs: number, cpuLimitMs = Infinity, mayGoOn = true): void {
    this.#deadlineMs = deadlineMs;
    this.#cpuLimitMs = cpuLimitMs;
    this.#isExact = mayGoOn;
    this.#spentMs = 0;
  }

  /** Nobody waits for what it computes any more: it traps where it goes on. */
  abandon(): void {
    this.#deadlineMs = -Infinity;
  }

  get deadlineMs(): number {
    return this.endMs(monotonicMs());
  }

  get waitDeadlineMs(): number {
    return this.#deadlineMs;
  }

  /** When a turn that begins, or goes on, at `nowMs` must be over. */
  endMs(nowMs: number): number {
    return Math.min(this.#deadlineMs, nowMs + this.#cpuLimitMs - this.#spentMs);
  }

  /** Whether it has to stop. */
  isOver(nowMs: number): boolean {
    return nowMs >= this.#deadlineMs || this.#spentMs >= this.#cpuLimitMs;
  }

  /** Returns which of its ends a guest has reached that was stopped. */
  overrun(nowMs = monotonicMs()): "cpu_time" | "request_timeout" | undefined {
    // Of one that goes on where it is stopped too early, nothing is missing.
    const skewMs = this.#isExact ? 0 : Math.min(CLOCK_SKEW_MS, this.#cpuLimitMs / 10);
    if (this.#spentMs >= this.#cpuLimitMs - skewMs) return "cpu_time";
    return nowMs >= this.#deadlineMs ? "request_timeout" : undefined;
  }

  /** It had a processor for this long, of the time that it had the thread; for the meter. */
  add(cpuMs: number, wallMs: number): void {
    this.#spentMs += this.#isExact ? cpuMs : wallMs;
    this.account.add(cpuMs);
  }

  /** The guest runs from here on. */
  resume(): void {
    this.#heldSinceMs = undefined;
    this.#isPausing = false;
    this.#meter.start(this);
  }

  /** It no longer does: it waits, or has returned. */
  suspend(): void {
    this.#meter.stop(this);
    // Who waits for others computes no more: what it waits for may be a request of this very app.
    if (!this.#isPausing) this.#endLongRun();
  }

  /** It may run later in this turn of the event loop. */
  expect(): void {
    this.#isExact = false;
    this.#meter.expect(this);
  }

  pausable(guest: PausableGuest | undefined): void {
    this.guest = guest;
    if (guest !== undefined) return this.resume();
    this.#endLongRun();
  }

  /** Returns for how long it has computed where it cannot pause, as far as that was noticed; 0 without such a place. */
  holdsFor(nowMs: number): number {
    if (this.guest === undefined) return 0;
    this.#heldSinceMs ??= nowMs;
    return nowMs - this.#heldSinceMs;
  }

  /** It pauses. */
  notePause(): void {
    this.#heldSinceMs = undefined;
    this.#isPausing = true;
    if (!this.#isLong) this.account.longRuns.begin();
    this.#isLong = true;
  }

  #endLongRun(): void {
    if (this.#isLong) this.account.longRuns.end();
    this.#isLong = false;
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
