import { HostClosedError, WasiError } from "../../errors.ts";
import { networkErrorCodeOf, type NetworkErrorCode } from "../../sockets/network.ts";

/** The WIT variant `wasi:sockets/types.error-code` of WASI 0.3, with those of `ip-name-lookup`. */
export type ErrorCode =
  | { tag: Exclude<NetworkErrorCode, keyof typeof RENAMED> }
  | { tag: "other"; val: string | undefined };

/** Codes of WASI 0.2 that 0.3 does not have, by what they are there. */
const RENAMED = {
  unknown: undefined,
  "concurrency-conflict": "invalid-state",
  "not-in-progress": "invalid-state",
  "would-block": undefined,
  "new-socket-limit": undefined,
} as const;

/** Returns the WASI 0.3 code of a WASI 0.2 one. */
export function errorCodeOf(code: NetworkErrorCode): ErrorCode {
  if (!(code in RENAMED)) return { tag: code as Exclude<NetworkErrorCode, keyof typeof RENAMED> };
  const tag = RENAMED[code as keyof typeof RENAMED];
  return tag === undefined ? { tag: "other", val: code } : { tag };
}

/** Returns the WASI 0.3 code of anything that a socket failed with; the host's own end stays a trap. */
export function errorCodeOfThrown(thrown: unknown): ErrorCode {
  if (thrown instanceof HostClosedError) throw thrown;
  return errorCodeOf(thrown instanceof WasiError ? (thrown.payload as NetworkErrorCode) : networkErrorCodeOf(thrown));
}

/** Returns what to throw for the error half of a socket function. */
export function socketError(tag: "access-denied" | "invalid-state"): WasiError<ErrorCode> {
  return new WasiError<ErrorCode>({ tag });
}
