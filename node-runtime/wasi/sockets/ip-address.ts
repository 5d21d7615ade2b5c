import ipaddr from "ipaddr.js";
import { networkError } from "./network.ts";

/** The WIT enum `ip-address-family`. */
export type IpAddressFamily = "ipv4" | "ipv6";

type Ipv4Parts = [number, number, number, number];
type Ipv6Parts = [number, number, number, number, number, number, number, number];

/** The WIT variant `ip-address`. */
export type IpAddress = { tag: "ipv4"; val: Ipv4Parts } | { tag: "ipv6"; val: Ipv6Parts };

/** The WIT variant `ip-socket-address`. */
export type IpSocketAddress =
  | { tag: "ipv4"; val: { port: number; address: Ipv4Parts } }
  | { tag: "ipv6"; val: { port: number; flowInfo: number; address: Ipv6Parts; scopeId: number } };

/** An address and a port as Node.js has them. */
export interface Endpoint {
  address: string;
  port: number;
}

/** Returns the WIT form of an address in text. */
export function ipAddressOf(text: string): IpAddress {
  const address = ipaddr.parse(text);
  return address instanceof ipaddr.IPv4
    ? { tag: "ipv4", val: address.octets as Ipv4Parts }
    : { tag: "ipv6", val: address.parts as Ipv6Parts };
}

/** Returns the WIT form of an address and port. */
export function ipSocketAddressOf({ address, port }: Endpoint): IpSocketAddress {
  const { tag, val } = ipAddressOf(address);
  return tag === "ipv4"
    ? { tag, val: { port, address: val } }
    : { tag, val: { port, flowInfo: 0, address: val, scopeId: 0 } };
}

/** Returns the address and port as Node.js has them; throws `invalid-argument` when it is not of the socket's family. */
export function endpointOf(address: IpSocketAddress, family: IpAddressFamily): Endpoint {
  if (address.tag !== family) throw networkError("invalid-argument");
  if (address.tag === "ipv4") return { address: address.val.address.join("."), port: address.val.port };
  const parsed = new ipaddr.IPv6([...address.val.address]);
  // The WIT has no dual-stack sockets.
  if (parsed.isIPv4MappedAddress()) throw networkError("invalid-argument");
  return { address: parsed.toString(), port: address.val.port };
}

/** Like `endpointOf`, for an address to send to: neither it nor its port may be left open. */
export function remoteEndpointOf(address: IpSocketAddress, family: IpAddressFamily): Endpoint {
  const endpoint = endpointOf(address, family);
  if (endpoint.port === 0 || isUnspecified(endpoint)) throw networkError("invalid-argument");
  return endpoint;
}

/** True for 0.0.0.0 and ::. */
export function isUnspecified({ address }: Endpoint): boolean {
  return address === "0.0.0.0" || address === "::";
}
