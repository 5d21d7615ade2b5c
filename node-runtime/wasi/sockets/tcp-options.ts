import type { Socket } from "node:net";
import { networkError } from "./network.ts";

const NS_PER_MS = 1_000_000n;
const NS_PER_S = 1_000_000_000n;

/**
 * The socket options of the WIT. Node.js can set keep-alive and its idle time; the others are accepted and reported as
 * set, which the WIT allows ("the value may be clamped").
 */
export class TcpOptions {
  keepAliveEnabled = false;
  keepAliveIdleNs = 7200n * NS_PER_S;
  keepAliveIntervalNs = 75n * NS_PER_S;
  keepAliveCount = 9;
  hopLimit = 64;
  receiveBufferBytes = 64n * 1024n;
  sendBufferBytes = 64n * 1024n;

  /** Sets what can be set on a socket. */
  applyTo(socket: Socket): void {
    socket.setKeepAlive(this.keepAliveEnabled, Number(this.keepAliveIdleNs / NS_PER_MS));
  }
}

/** Returns the value; throws `invalid-argument` for zero, which no option takes. */
export function positive<T extends number | bigint>(value: T): T {
  if (value <= 0) throw networkError("invalid-argument");
  return value;
}
