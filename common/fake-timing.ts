import type { Timing } from "./timing.ts";

/** A clock for tests that goes forward only when it is told to. */
export interface FakeTiming extends Timing {
  /** Lets time pass; what waits goes on in order, each as soon as its time has come. */
  advance: (milliseconds: number) => Promise<void>;
  /** How many wait for the clock. */
  readonly waiting: number;
}

interface Waiter {
  atMs: number;
  resolve: () => void;
}

/** Returns one; its chance is always `random`. */
export function createFakeTiming(random = 0.5): FakeTiming {
  let nowMs = 0;
  const waiters = new Set<Waiter>();
  const next = (untilMs: number): Waiter | undefined =>
    [...waiters].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
  return {
    now: () => nowMs,
    date: () => new Date(Date.UTC(2026, 0, 1) + nowMs),
    random: () => random,
    delay: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const waiter: Waiter = { atMs: nowMs + milliseconds, resolve };
        waiters.add(waiter);
        signal?.addEventListener("abort", () => {
          if (waiters.delete(waiter)) reject(signal.reason as Error);
        });
      }),
    async advance(milliseconds) {
      const untilMs = nowMs + milliseconds;
      await settle();
      for (let waiter = next(untilMs); waiter !== undefined; waiter = next(untilMs)) {
        waiters.delete(waiter);
        nowMs = waiter.atMs;
        waiter.resolve();
        await settle();
      }
      nowMs = untilMs;
    },
    get waiting() {
      return waiters.size;
    },
  };
}

/** Lets everything run that can run without the clock or the network. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
