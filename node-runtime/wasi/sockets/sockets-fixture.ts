/** A guest's view of `wasi:sockets`; for tests. */
import { SYSTEM_CLOCK } from "../clocks/clock.ts";
import { WasiError } from "../errors.ts";
import type { Pollable } from "../io/pollable.ts";
import { Scope } from "../scope.ts";
import { EgressPolicy, type EgressOptions } from "./egress.ts";
import { createSocketImports } from "./imports.ts";
import { ipSocketAddressOf, type IpAddressFamily, type IpSocketAddress } from "./ip-address.ts";
import type { ResolveAddressStream } from "./name-lookup.ts";
import type { Network } from "./network.ts";
import type { TcpSocket } from "./tcp.ts";
import type { UdpSocket } from "./udp.ts";

/** One guest's socket functions. */
export interface SocketGuest {
  scope: Scope;
  network: Network;
  createTcpSocket: (family: IpAddressFamily) => TcpSocket;
  createUdpSocket: (family: IpAddressFamily) => UdpSocket;
  resolveAddresses: (network: Network, name: string) => ResolveAddressStream;
}

/** Returns a guest that may reach what is listed. */
export function createSocketGuest(allowed: string[], options: EgressOptions = {}): SocketGuest {
  const scope = new Scope();
  const imports = createSocketImports(scope, EgressPolicy.parse(allowed, options), options.clock ?? SYSTEM_CLOCK);
  const functions = Object.assign({}, ...Object.values(imports)) as unknown as SocketGuest & {
    instanceNetwork: () => Network;
  };
  return { ...functions, scope, network: functions.instanceNetwork() };
}

/** The WIT form of an address and port. */
export function at(address: string, port: number): IpSocketAddress {
  return ipSocketAddressOf({ address, port });
}

/** The error code that `act` throws, or what it returns. */
export function codeOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    if (error instanceof WasiError) return error.payload;
    throw error;
  }
}

/** Waits as a guest does until `finish` no longer would block. */
export async function finished<T>(resource: { subscribe(): Pollable }, finish: () => T): Promise<T> {
  await resource.subscribe().block();
  return finish();
}
