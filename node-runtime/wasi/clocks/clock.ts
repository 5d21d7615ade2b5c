/** Where a host's time comes from; a parameter so that tests own it. */
export interface Clock {
  /** Nanoseconds since an arbitrary instant, never going back. */
  monotonicNs(): bigint;
  /** Nanoseconds since the Unix epoch. */
  wallNs(): bigint;
  /** Calls `fire` after `delayMs`; returns the undoing. Accepts any non-negative number. */
  after(delayMs: number, fire: () => void): () => void;
}

/** The longest delay `setTimeout` takes; longer ones are made of several. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** The machine's clocks. */
export const SYSTEM_CLOCK: Clock = {
  monotonicNs: () => process.hrtime.bigint(),
  wallNs: () => BigInt(Date.now()) * 1_000_000n,
  after(delayMs, fire) {
    let timer: NodeJS.Timeout;
    const arm = (rest: number): void => {
      timer = setTimeout(
        () => (rest > MAX_TIMEOUT_MS ? arm(rest - MAX_TIMEOUT_MS) : fire()),
        Math.min(rest, MAX_TIMEOUT_MS),
      );
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
};
