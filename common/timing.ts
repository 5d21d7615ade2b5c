import { setTimeout as sleep } from "node:timers/promises";

/** The clock, the waiting and the chance that a client works by: parameters, so that tests wait for nothing. */
export interface Timing {
  /** Milliseconds of a clock that only goes forward. */
  now: () => number;
  /** The date, for a `Retry-After` that names one and for the life of tokens. */
  date: () => Date;
  /** Resolves after so many milliseconds; rejects when aborted. */
  delay: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** A number from 0 up to 1. */
  random: () => number;
}

/** The machine's own. */
export const SYSTEM_TIMING: Timing = {
  now: () => performance.now(),
  date: () => new Date(),
  delay: (milliseconds, signal) => sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
  random: Math.random,
};
