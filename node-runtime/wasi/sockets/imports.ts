import type { Clock } from "../clocks/clock.ts";
import type { Scope } from "../scope.ts";
import type { EgressPolicy } from "./egress.ts";

/** Returns the `wasi:sockets` interfaces. */
export function createSocketImports(
  _scope: Scope,
  _egress: EgressPolicy,
  _clock: Clock,
): Record<string, Record<string, unknown>> {
  return {};
}
