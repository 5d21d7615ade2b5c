import type { HostImports } from "../../host.ts";
import type { IpAddress, IpAddressFamily } from "../../sockets/ip-address.ts";
import type { ResolveAddressStream } from "../../sockets/name-lookup.ts";
import { Network } from "../../sockets/network.ts";
import type { TcpSocket as TcpSocket2 } from "../../sockets/tcp.ts";
import type { UdpSocket as UdpSocket2 } from "../../sockets/udp.ts";
import { withStatics } from "../resource.ts";
import { converting, convertingAsync } from "../result.ts";
import { errorCodeOf } from "./error-code.ts";
import { TcpSocket } from "./tcp.ts";
import { UdpSocket } from "./udp.ts";

/** Returns the `wasi:sockets` interfaces of WASI 0.3 over those of WASI 0.2, with the same egress policy. */
export function createSocketImports(p2: HostImports): HostImports {
  const createTcp = p2["wasi:sockets/tcp-create-socket"]!["createTcpSocket"] as (family: IpAddressFamily) => TcpSocket2;
  const createUdp = p2["wasi:sockets/udp-create-socket"]!["createUdpSocket"] as (family: IpAddressFamily) => UdpSocket2;
  const resolve = p2["wasi:sockets/ip-name-lookup"]!["resolveAddresses"] as LookUp;
  return {
    "wasi:sockets/types": {
      TcpSocket: withStatics(TcpSocket, {
        create: (family: IpAddressFamily) => converting(errorCodeOf, () => new TcpSocket(createTcp(family))),
      }),
      UdpSocket: withStatics(UdpSocket, {
        create: (family: IpAddressFamily) => converting(errorCodeOf, () => new UdpSocket(createUdp(family))),
      }),
    },
    "wasi:sockets/ip-name-lookup": { resolveAddresses: (name: string) => resolveAll(resolve, name) },
  };
}

type LookUp = (network: Network, name: string) => ResolveAddressStream;

function resolveAll(resolve: LookUp, name: string): Promise<IpAddress[]> {
  return convertingAsync(errorCodeOf, async () => {
    const stream = resolve(new Network(), name);
    await stream.subscribe().block();
    const addresses: IpAddress[] = [];
    for (let next = stream.resolveNextAddress(); next; next = stream.resolveNextAddress()) addresses.push(next);
    return addresses;
  });
}
