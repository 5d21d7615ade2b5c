import type { Body, Context } from "./context.ts";
import { hostFunction, type Preview1Host } from "./host-parts.ts";
import { ERRNO, ErrnoError } from "./errno.ts";
import { nanosecondsOf } from "./layout.ts";

/** `clockid` values. CPU-time clocks are not offered: a guest's CPU time is not told to it. */
const CLOCKID = { REALTIME: 0, MONOTONIC: 1 } as const;

/** Returns the clock's reading in nanoseconds; fails with `inval` for a clock that is not offered. */
export function readClock({ clock }: Preview1Host, id: number): bigint {
  if (id === CLOCKID.REALTIME) return clock.wallNs();
  if (id === CLOCKID.MONOTONIC) return clock.monotonicNs();
  throw new ErrnoError(ERRNO.INVAL);
}

/** Returns `clock_res_get` and `clock_time_get`. */
export function createClockFunctions({ host, memory }: Context): Record<string, Body> {
  return {
    clock_res_get: (id: number, result: number) => memory.writeU64(result, resolutionOf(host, id)),
    clock_time_get: (id: number, _precision: bigint, result: number) => memory.writeU64(result, readClock(host, id)),
  };
}

function resolutionOf(host: Preview1Host, id: number): bigint {
  if (id === CLOCKID.REALTIME) {
    return nanosecondsOf(hostFunction(host, "wasi:clocks/wall-clock#resolution")());
  }
  if (id === CLOCKID.MONOTONIC) return hostFunction(host, "wasi:clocks/monotonic-clock#resolution")();
  throw new ErrnoError(ERRNO.INVAL);
}
