/**
 * What one instance's glue gets of its engine, its timers above all. jco's code for asynchronous components polls: every
 * 10 ms whether a task can go on, every millisecond whether a stream was written. Here polls follow one another at once
 * while something happens, and become rarer while nothing does; the host hurries them when a wait of its own ends. All
 * end with the host's scope, so that a guest that waits for ever does not poll for ever.
 */
import type { Activity } from "../../wasi/host.ts";
import type { Scope } from "../../wasi/scope.ts";

/** Polls in a row that are made at once. */
const QUICK_POLLS = 16;
/** The longest pause between two polls. */
const MAX_PAUSE_MS = 8;

/** What the glue gets of its engine: functions in place of the global ones of their names, and one to tell of a trap. */
export interface GlueHost {
  setTimeout: (run: () => unknown, delayMs?: number) => PolledTimer;
  clearTimeout: (timer: PolledTimer | undefined) => void;
  setInterval: (run: () => unknown) => PolledTimer;
  clearInterval: (timer: PolledTimer | undefined) => void;
  /** Like `setTimeout` without delay, though nothing went on: it hurries nothing. */
  setIdleTimeout: (run: () => unknown) => PolledTimer;
  /** A task of the guest's failed, maybe after the call that started it was answered. */
  trapped: (reason: unknown) => void;
}

/** One pending call, or a repeated one. */
interface PolledTimer {
  run: () => unknown;
  repeat: boolean;
}

/**
 * Returns the glue's host: its timers end with the host's scope, and so does, unless `trapped` is another, a task's trap. The glue runs its guest some steps after a wait of the
 * host's has ended: all that can be told is that it is about to.
 */
export function createGlueHost(
  { scope, activity }: { scope: Scope; activity: Pick<Activity, "expect" | "suspend"> },
  trapped: GlueHost["trapped"] = (reason) => scope.fail(reason),
): GlueHost {
  const pulse = new Pulse(scope, () => activity.expect());
  scope.onWait = () => activity.suspend();
  scope.onWake = () => {
    activity.expect();
    pulse.hurry();
  };
  const clear = (timer: PolledTimer | undefined): void => pulse.remove(timer);
  return {
    setTimeout(run, delayMs = 0) {
      if (delayMs === 0) pulse.hurry(); // the glue asks for no delay when a task went on
      return pulse.add({ run, repeat: false });
    },
    setIdleTimeout: (run) => pulse.add({ run, repeat: false }),
    clearTimeout: clear,
    setInterval: (run) => pulse.add({ run, repeat: true }),
    clearInterval: clear,
    trapped,
  };
}

/** Runs what is pending, at a pace that follows what happens. */
class Pulse {
  readonly #scope: Scope;
  readonly #onBeat: () => void;
  readonly #pending = new Set<PolledTimer>();
  #quietBeats = 0;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(scope: Scope, onBeat: () => void) {
    this.#scope = scope;
    this.#onBeat = onBeat;
    scope.defer(() => this.#close());
  }

  add(timer: PolledTimer): PolledTimer {
    if (this.#closed) return timer;
    this.#pending.add(timer);
    if (this.#cancel === undefined) this.#schedule();
    return timer;
  }

  remove(timer: PolledTimer | undefined): void {
    if (timer !== undefined) this.#pending.delete(timer);
  }

  /** Something happened: the next polls come at once. */
  hurry(): void {
    const wasQuiet = this.#quietBeats >= QUICK_POLLS;
    this.#quietBeats = 0;
    if (!wasQuiet || this.#cancel === undefined) return;
    this.#cancel();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#quietBeats < QUICK_POLLS) {
      const immediate = setImmediate(() => this.#beat());
      this.#cancel = () => clearImmediate(immediate);
    } else {
      const pauseMs = Math.min(MAX_PAUSE_MS, 2 ** (this.#quietBeats - QUICK_POLLS));
      const timeout = setTimeout(() => this.#beat(), pauseMs);
      this.#cancel = () => clearTimeout(timeout);
    }
  }

  #beat(): void {
    this.#cancel = undefined;
    this.#quietBeats++;
    this.#onBeat();
    const due = Array.from(this.#pending); // what they add waits for the next beat
    for (const timer of due) {
      // One before it may have cleared it.
      if (!this.#pending.has(timer)) continue;
      if (!timer.repeat) this.#pending.delete(timer);
      this.#run(timer);
    }
    if (this.#pending.size > 0 && this.#cancel === undefined && !this.#closed) this.#schedule();
  }

  /** The glue's loops are asynchronous functions that nobody awaits: what they throw must end the guest, not the cell. */
  #run({ run }: PolledTimer): void {
    Promise.try(run).catch((thrown: unknown) => this.#scope.fail(thrown));
  }

  #close(): void {
    this.#closed = true;
    this.#pending.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
