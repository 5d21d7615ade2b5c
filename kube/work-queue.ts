import { SYSTEM_TIMING, type Timing } from "../common/timing.ts";
import { jittered } from "./retry.ts";

/** What a run says when it ended well: nothing, or when the key is due again, in milliseconds. */
export type WorkResult = { requeueAfterMs?: number | undefined } | void;

export interface WorkQueueOptions {
  /** Does the work of a key; what it throws leads to another try with a growing delay. */
  run: (key: string, signal: AbortSignal) => Promise<WorkResult>;
  /** Keys that run at the same time. */
  concurrency: number;
  /** Told of every failure, with the number of failures in a row and the delay before the next try. */
  onError?: (key: string, thrown: unknown, failures: number, retryAfterMs: number) => void;
  /** Told how a run ended and how long it took, and how long its key had waited, in milliseconds. */
  onRun?: (key: string, isSuccess: boolean, durationMs: number, waitedMs: number) => void;
  firstDelayMs?: number;
  maxDelayMs?: number;
  /** Keys that the queue holds at most: more than that is a mistake of the program. */
  maxKeys?: number;
  timing?: Timing;
}

const FIRST_DELAY_MS = 5;
const MAX_DELAY_MS = 60_000;
const MAX_KEYS = 1_000_000;
/** Node.js takes longer timers for ones of a millisecond; a key that runs early does no harm. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Why a key is looked at: because of an `event`, or in a `sweep` over all keys, as at the start. Events go first, so that
 * whoever changes one of very many does not wait for all of them.
 */
export type Priority = "event" | "sweep";

interface KeyState {
  /** Since when it waits to run, by the clock; undefined when it does not. */
  readySinceMs?: number | undefined;
  priority: Priority;
  isRunning: boolean;
  failures: number;
  /** When it becomes ready by itself, and what ends waiting for that. */
  due?: { atMs: number; timer: AbortController } | undefined;
}

/**
 * Runs work by key. A key that is added several times before it runs, runs once; it never runs concurrently with itself:
 * added while it runs, it runs once more afterwards.
 */
export class WorkQueue {
  readonly #options: Required<Omit<WorkQueueOptions, "onError" | "onRun">> &
    Pick<WorkQueueOptions, "onError" | "onRun">;
  readonly #keys = new Map<string, KeyState>();
  /** Keys that are ready, in the order in which they became so: those of which something is new, and all others. */
  readonly #ready: Readonly<Record<Priority, Set<string>>> = { event: new Set(), sweep: new Set() };
  readonly #stopping = new AbortController();
  readonly #idle: (() => void)[] = [];
  #running = 0;

  constructor(options: WorkQueueOptions) {
    this.#options = {
      firstDelayMs: FIRST_DELAY_MS,
      maxDelayMs: MAX_DELAY_MS,
      maxKeys: MAX_KEYS,
      timing: SYSTEM_TIMING,
      ...options,
    };
  }

  /** Keys that are ready to run and wait for their turn. */
  get depth(): number {
    return this.#ready.event.size + this.#ready.sweep.size;
  }

  get running(): number {
    return this.#running;
  }

  /** How long the key that has waited longest is ready, in milliseconds. */
  get oldestWaitMs(): number {
    const nowMs = this.#options.timing.now();
    const waits = Object.values(this.#ready).map(([first]) => {
      const sinceMs = first === undefined ? undefined : this.#keys.get(first)?.readySinceMs;
      return sinceMs === undefined ? 0 : nowMs - sinceMs;
    });
    return Math.max(...waits);
  }

  /** Marks a key: it runs as soon as there is room, also when it waits after a failure. */
  add(key: string, priority: Priority = "event"): void {
    if (this.#stopping.signal.aborted) return;
    const state = this.#stateOf(key);
    this.#cancelDue(state);
    if (state.readySinceMs !== undefined && (priority === "sweep" || state.priority === "event")) return;
    state.readySinceMs ??= this.#options.timing.now();
    state.priority = priority;
    if (state.isRunning) return;
    this.#ready.sweep.delete(key);
    this.#ready[priority].add(key);
    this.#startNext();
  }

  /** Marks a key after so many milliseconds; the earlier of two such times counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopping.signal.aborted) return;
    if (delayMs <= 0) return this.add(key);
    const state = this.#stateOf(key);
    const atMs = this.#options.timing.now() + delayMs;
    if (state.readySinceMs !== undefined || (state.due !== undefined && state.due.atMs <= atMs)) return;
    this.#cancelDue(state);
    const timer = new AbortController();
    state.due = { atMs, timer };
    void this.#addWhenDue(key, state, delayMs, timer);
  }

  /** Begins nothing more, tells what runs by its signal, and waits until that has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the queue stops"));
    for (const state of this.#keys.values()) this.#cancelDue(state);
    for (const keys of Object.values(this.#ready)) keys.clear();
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #stateOf(key: string): KeyState {
    const held = this.#keys.get(key);
    if (held !== undefined) return held;
    if (this.#keys.size >= this.#options.maxKeys) throw new RangeError(`the queue holds ${this.#keys.size} keys`);
    const state: KeyState = { priority: "event", isRunning: false, failures: 0 };
    this.#keys.set(key, state);
    return state;
  }

  #startNext(): void {
    while (this.#running < this.#options.concurrency && !this.#stopping.signal.aborted) {
      const from = this.#ready.event.size > 0 ? this.#ready.event : this.#ready.sweep;
      const [key] = from;
      if (key === undefined) return;
      from.delete(key);
      void this.#run(key, this.#keys.get(key)!);
    }
  }

  async #run(key: string, state: KeyState): Promise<void> {
    const { timing, run, onRun } = this.#options;
    state.isRunning = true;
    this.#running++;
    // `add` never runs anything itself: whoever adds a key twice in one go gets one run.
    await Promise.resolve();
    const beganMs = timing.now();
    const waitedMs = beganMs - (state.readySinceMs ?? beganMs);
    state.readySinceMs = undefined;
    let isSuccess = true;
    try {
      this.#succeeded(key, state, await run(key, this.#stopping.signal));
    } catch (thrown) {
      isSuccess = false;
      this.#failed(key, state, thrown);
    }
    this.#running--;
    state.isRunning = false;
    onRun?.(key, isSuccess, timing.now() - beganMs, waitedMs);
    this.#afterRun(key, state);
  }

  #succeeded(key: string, state: KeyState, result: WorkResult): void {
    state.failures = 0;
    const afterMs = result?.requeueAfterMs;
    if (afterMs !== undefined) this.addAfter(key, afterMs);
  }

  #failed(key: string, state: KeyState, thrown: unknown): void {
    const { firstDelayMs, maxDelayMs, timing, onError } = this.#options;
    const delayMs = jittered(Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(state.failures, 30)), timing.random());
    state.failures++;
    if (this.#stopping.signal.aborted) return;
    onError?.(key, thrown, state.failures, delayMs);
    this.addAfter(key, delayMs);
  }

  #afterRun(key: string, state: KeyState): void {
    if (this.#stopping.signal.aborted) {
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    if (state.readySinceMs !== undefined) this.#ready[state.priority].add(key);
    else if (state.due === undefined) this.#keys.delete(key);
    this.#startNext();
  }

  async #addWhenDue(key: string, state: KeyState, delayMs: number, timer: AbortController): Promise<void> {
    try {
      await this.#options.timing.delay(Math.min(delayMs, MAX_TIMER_MS), timer.signal);
    } catch {
      return; // something earlier came, or the queue stopped
    }
    if (state.due?.timer !== timer) return;
    state.due = undefined;
    this.add(key);
  }

  #cancelDue(state: KeyState): void {
    state.due?.timer.abort();
    state.due = undefined;
  }
}
