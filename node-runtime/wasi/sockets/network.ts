import { systemCodeOf } from "../../../common/errors.ts";
import type { Clock } from "../clocks/clock.ts";
import { WasiError } from "../errors.ts";
import type { IoError } from "../io/error.ts";
import type { Scope } from "../scope.ts";
import { EgressDenied, LookupFailed } from "./egress-errors.ts";
import type { Reachable } from "./reachable.ts";

/** The WIT enum `wasi:sockets/network.error-code`. */
export type NetworkErrorCode =
  | "unknown"
  | "access-denied"
  | "not-supported"
  | "invalid-argument"
  | "out-of-memory"
  | "timeout"
  | "concurrency-conflict"
  | "not-in-progress"
  | "would-block"
  | "invalid-state"
  | "new-socket-limit"
  | "address-not-bindable"
  | "address-in-use"
  | "remote-unreachable"
  | "connection-refused"
  | "connection-reset"
  | "connection-aborted"
  | "datagram-too-large"
  | "name-unresolvable"
  | "temporary-resolver-failure"
  | "permanent-resolver-failure";

/** What every socket of one guest needs. */
export interface SocketContext {
  scope: Scope;
  clock: Clock;
  reachable: Reachable;
}

/** `wasi:sockets/network` resource `network`: a capability without content, since the allow-list decides. */
// oxlint-disable-next-line typescript/no-extraneous-class -- the WIT resource has no functions
export class Network {}

/** What the kernel calls it → what WASI calls it. */
const CODE_BY_SYSTEM_CODE: ReadonlyMap<string, NetworkErrorCode> = new Map<string, NetworkErrorCode>([
  ["EACCES", "access-denied"],
  ["EADDRINUSE", "address-in-use"],
  ["EADDRNOTAVAIL", "address-not-bindable"],
  ["EAFNOSUPPORT", "not-supported"],
  ["ECONNABORTED", "connection-aborted"],
  ["ECONNREFUSED", "connection-refused"],
  ["ECONNRESET", "connection-reset"],
  ["EHOSTDOWN", "remote-unreachable"],
  ["EHOSTUNREACH", "remote-unreachable"],
  ["EINVAL", "invalid-argument"],
  ["EMFILE", "new-socket-limit"],
  ["EMSGSIZE", "datagram-too-large"],
  ["ENETDOWN", "remote-unreachable"],
  ["ENETUNREACH", "remote-unreachable"],
  ["ENFILE", "new-socket-limit"],
  ["ENOBUFS", "out-of-memory"],
  ["ENOMEM", "out-of-memory"],
  ["EOPNOTSUPP", "not-supported"],
  ["EPERM", "access-denied"],
  ["EPIPE", "connection-aborted"],
  ["ETIMEDOUT", "timeout"],
]);

/** Returns what to throw for the error half of a socket function. */
export function networkError(code: NetworkErrorCode): WasiError<NetworkErrorCode> {
  return new WasiError(code);
}

/** Returns the WASI error code of anything that the network or the egress policy threw. */
export function networkErrorCodeOf(thrown: unknown): NetworkErrorCode {
  if (thrown instanceof EgressDenied) return "access-denied";
  if (thrown instanceof LookupFailed) {
    return thrown.reason === "not-found" ? "name-unresolvable" : "temporary-resolver-failure";
  }
  return CODE_BY_SYSTEM_CODE.get(systemCodeOf(thrown) ?? "") ?? "unknown";
}

/** `wasi:sockets/network.network-error-code`: the network's reason of a stream's failure, if it is one. */
export function networkErrorCode(error: IoError): NetworkErrorCode | undefined {
  return CODE_BY_SYSTEM_CODE.get(systemCodeOf(error.cause) ?? "");
}
