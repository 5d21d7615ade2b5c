import { datetimeOf, pollableAt } from "../clocks/imports.ts";
import type { WasiHost, HostImports } from "../host.ts";

/** Returns the `wasi:clocks` interfaces of WASI 0.3 over the host's clock. */
export function createClockImports({ scope, clock }: WasiHost): HostImports {
  const waitUntil = (when: bigint): Promise<void> => pollableAt(scope, clock, when).block();
  return {
    "wasi:clocks/monotonic-clock": {
      now: (): bigint => clock.monotonicNs(),
      getResolution: (): bigint => 1n,
      waitUntil,
      waitFor: (howLong: bigint): Promise<void> => waitUntil(clock.monotonicNs() + howLong),
    },
    "wasi:clocks/system-clock": {
      now: () => datetimeOf(clock.wallNs()),
      getResolution: (): bigint => 1_000_000n,
    },
  };
}
