import type { Clock } from "../clocks/clock.ts";
import type { Scope } from "../scope.ts";
import type { EgressPolicy } from "./egress.ts";
import type { IpAddressFamily } from "./ip-address.ts";
import { resolveAddresses, ResolveAddressStream } from "./name-lookup.ts";
import { Network, networkError, networkErrorCode, type SocketContext } from "./network.ts";
import { Reachable } from "./reachable.ts";
import { TcpSocket } from "./tcp.ts";
import { IncomingDatagramStream, OutgoingDatagramStream } from "./udp-streams.ts";
import { UdpSocket } from "./udp.ts";

/** Returns the `wasi:sockets` interfaces: connections and look-ups where `egress` allows them, and no listening. */
export function createSocketImports(
  scope: Scope,
  egress: EgressPolicy,
  clock: Clock,
): Record<string, Record<string, unknown>> {
  const context: SocketContext = { scope, clock, reachable: new Reachable(egress) };
  return {
    "wasi:sockets/network": { Network, networkErrorCode },
    "wasi:sockets/instance-network": { instanceNetwork: (): Network => new Network() },
    "wasi:sockets/ip-name-lookup": {
      ResolveAddressStream,
      resolveAddresses: (_network: Network, name: string): ResolveAddressStream => resolveAddresses(context, name),
    },
    "wasi:sockets/tcp": { TcpSocket },
    "wasi:sockets/tcp-create-socket": {
      createTcpSocket: (family: IpAddressFamily): TcpSocket => new TcpSocket(roomIn(context), family),
    },
    "wasi:sockets/udp": { UdpSocket, IncomingDatagramStream, OutgoingDatagramStream },
    "wasi:sockets/udp-create-socket": {
      createUdpSocket: (family: IpAddressFamily): UdpSocket => new UdpSocket(roomIn(context), family),
    },
  };
}

/** Throws `new-socket-limit` when the guest has as much open as it may. */
function roomIn(context: SocketContext): SocketContext {
  if (!context.scope.hasRoom) throw networkError("new-socket-limit");
  return context;
}
