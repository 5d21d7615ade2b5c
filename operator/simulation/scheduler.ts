import type { Timing } from "../../common/timing.ts";
import type { Random } from "./random.ts";

interface Task {
  atMs: number;
  order: number;
  run: () => void;
}

const BEGIN = Date.UTC(2026, 0, 1);

/**
 * A clock and what is due by it. Between two tasks every promise goes as far as it can, so that a run depends on nothing
 * but its seed: promises that wait for no timer and no socket always go on in the same order.
 */
export class Scheduler {
  nowMs = 0;
  /** Called after every task, when nothing moves any more. */
  onSettled: () => void = () => {};
  /** A heap: the parent of `i` is at `(i - 1) >> 1`, and due before it. */
  readonly #tasks: Task[] = [];
  #order = 0;

  get date(): Date {
    return new Date(BEGIN + this.nowMs);
  }

  /** Runs something after so many milliseconds; what is due at the same time runs in the order in which it was asked for. */
  after(delayMs: number, run: () => void): void {
    const task = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    let index = this.#tasks.push(task) - 1;
    for (let parent = (index - 1) >> 1; index > 0 && isBefore(task, this.#tasks[parent]!); parent = (index - 1) >> 1) {
      this.#tasks[index] = this.#tasks[parent]!;
      index = parent;
    }
    this.#tasks[index] = task;
  }

  /** Lets time pass up to a moment. */
  async runUntil(untilMs: number): Promise<void> {
    await settle();
    while (this.#tasks.length > 0 && this.#tasks[0]!.atMs <= untilMs) {
      const task = this.#pop();
      this.nowMs = task.atMs;
      task.run();
      await settle();
      this.onSettled();
    }
    this.nowMs = untilMs;
  }

  /** Returns the timing of a process: once that is dead, nothing wakes it. */
  timingOf(isAlive: () => boolean, random: Random): Timing {
    return {
      now: () => this.nowMs,
      date: () => this.date,
      random: () => random.next(),
      delay: (milliseconds, signal) =>
        new Promise((resolve, reject) => {
          signal?.throwIfAborted();
          const abort = (): void => reject(signal!.reason as Error);
          signal?.addEventListener("abort", abort, { once: true });
          this.after(milliseconds, () => {
            signal?.removeEventListener("abort", abort);
            if (isAlive()) resolve();
          });
        }),
    };
  }

  #pop(): Task {
    const first = this.#tasks[0]!;
    const last = this.#tasks.pop()!;
    const size = this.#tasks.length;
    if (size === 0) return first;
    let index = 0;
    for (let child = 1; child < size; child = 2 * index + 1) {
      if (child + 1 < size && isBefore(this.#tasks[child + 1]!, this.#tasks[child]!)) child++;
      if (!isBefore(this.#tasks[child]!, last)) break;
      this.#tasks[index] = this.#tasks[child]!;
      index = child;
    }
    this.#tasks[index] = last;
    return first;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
