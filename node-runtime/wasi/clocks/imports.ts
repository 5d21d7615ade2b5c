import { Pollable } from "../io/pollable.ts";
import type { Scope } from "../scope.ts";
import type { Clock } from "./clock.ts";

const NS_PER_S = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** The WIT record `datetime`. */
export interface Datetime {
  seconds: bigint;
  nanoseconds: number;
}

/** Returns a pollable that is ready once the monotonic clock reads `whenNs`. */
export function pollableAt(scope: Scope, clock: Clock, whenNs: bigint): Pollable {
  return new Pollable(scope, {
    ready: () => clock.monotonicNs() >= whenNs,
    subscribe(wake) {
      const leftNs = whenNs - clock.monotonicNs();
      const leftMs = leftNs > 0n ? Number((leftNs + NS_PER_MS - 1n) / NS_PER_MS) : 0;
      return clock.after(leftMs, wake);
    },
  });
}

/** Returns `wasi:clocks/monotonic-clock` and `wasi:clocks/wall-clock` over `clock`. */
export function createClockImports(scope: Scope, clock: Clock): Record<string, Record<string, unknown>> {
  const pollableIn = (ns: bigint): Pollable => pollableAt(scope, clock, clock.monotonicNs() + ns);
  return {
    "wasi:clocks/monotonic-clock": {
      now: (): bigint => clock.monotonicNs(),
      resolution: (): bigint => 1n,
      subscribeInstant: (when: bigint): Pollable => pollableAt(scope, clock, when),
      subscribeDuration: pollableIn,
    },
    "wasi:clocks/wall-clock": {
      now: (): Datetime => datetimeOf(clock.wallNs()),
      resolution: (): Datetime => datetimeOf(NS_PER_MS),
    },
  };
}

/** Converts nanoseconds since the epoch to the WIT record. */
export function datetimeOf(ns: bigint): Datetime {
  return { seconds: ns / NS_PER_S, nanoseconds: Number(ns % NS_PER_S) };
}
