import { connect as connectTcp, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../clocks/clock.ts";
import type { ResolvedAddress } from "../sockets/egress.ts";
import { HttpFailure } from "./error-code.ts";
import type { RequestTarget } from "./target.ts";

/** How a connection is made. */
export interface ConnectOptions {
  clock: Clock;
  timeoutMs: number;
  signal: AbortSignal;
  /** Certificate authorities to trust instead of Node.js' own. */
  ca?: string | undefined;
}

/** A name that no resolver knows, so that nothing but the checked addresses can be connected to. */
const CHECKED_HOST = "checked.invalid";

/**
 * Connects to one of the checked addresses, TLS included, and resolves to the socket. The certificate is verified for
 * the name that the guest asked for. Rejects with a system error or HttpFailure.
 */
export function connectTo(
  target: RequestTarget,
  addresses: readonly ResolvedAddress[],
  options: ConnectOptions,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const isSecure = target.scheme === "https";
  const socket = isSecure ? openTls(target, addresses, options.ca) : connectTcp(destinationOf(target, addresses));
  const abort = (): void => void socket.destroy(new HttpFailure({ tag: "connection-terminated" }));
  const disarm = options.clock.after(options.timeoutMs, () =>
    socket.destroy(new HttpFailure({ tag: "connection-timeout" })),
  );
  options.signal.addEventListener("abort", abort, { once: true });
  socket.once(isSecure ? "secureConnect" : "connect", () => resolve(socket));
  socket.once("error", reject);
  socket.once("close", () => reject(new HttpFailure({ tag: "connection-terminated" })));
  return promise.finally(() => {
    disarm();
    options.signal.removeEventListener("abort", abort);
  });
}

function openTls(target: RequestTarget, addresses: readonly ResolvedAddress[], ca: string | undefined): Socket {
  return connectTls({
    ...destinationOf(target, addresses),
    // An address is verified as an address: without a server name, against the host connected to.
    ...(isIP(target.host) === 0 ? { servername: target.host.replace(/\.$/, "") } : {}),
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ["http/1.1"],
  });
}

/** Several addresses are tried one after the other, as Node.js does ("happy eyeballs"). */
function destinationOf(
  target: RequestTarget,
  addresses: readonly ResolvedAddress[],
): { host: string; port: number; noDelay: true; lookup: LookupFunction } {
  const lookup: LookupFunction = (_name, options, done) => {
    if (options.all === true) done(null, addresses.slice());
    else done(null, addresses[0]!.address, addresses[0]!.family);
  };
  const host = addresses.length === 1 ? addresses[0]!.address : CHECKED_HOST;
  return { host, port: target.port, noDelay: true, lookup };
}
