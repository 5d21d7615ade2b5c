import ipaddr from "ipaddr.js";

/** A parsed IP address; IPv4-mapped IPv6 is always the IPv4 address it stands for. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/**
 * How far an address may be reached without being named itself:
 * `public` through any entry that covers it, `private` (RFC 1918, ULA, carrier-grade NAT) through a name or a range that
 * was written for it, `special` (this machine, this link, metadata services, multicast, reserved) only by address.
 */
export type Reach = "public" | "private" | "special";

/** Cloud metadata services at addresses that look like ordinary ones. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set([
  "100.100.100.200", // Alibaba Cloud
  "168.63.129.16", // Azure
  "fd00:ec2::254", // AWS
  "fd20:ce::254", // Google Cloud
]);

const PRIVATE_RANGES: ReadonlySet<string> = new Set(["private", "uniqueLocal", "carrierGradeNat"]);

/** The only part of IPv6 that is assigned for global unicast. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** The local-use NAT64 prefix of RFC 8215, which hides the IPv4 address at a place we can't know. */
const LOCAL_NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b:1::/48");
/** IPv4-compatible IPv6 (RFC 4291 §2.5.5.1), deprecated. */
const IPV4_COMPATIBLE = ipaddr.IPv6.parseCIDR("::/96");

/** The prefix of an IPv4-mapped IPv6 address, before the bits of the IPv4 one. */
const MAPPED_BITS = 96;

/** Parses dotted decimal IPv4 or IPv6 without a zone; undefined for anything else (`127.1`, `0x7f.1`, names). */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  return unmapped(ipaddr.IPv6.parse(text));
}

/** Returns how far the address may be reached; an address with an IPv4 one inside is judged by that. */
export function reachOf(address: Address): Reach {
  if (METADATA_ADDRESSES.has(address.toString())) return "special";
  if (address instanceof ipaddr.IPv6) {
    const inner = embeddedIpv4(address);
    if (inner !== undefined) return reachOf(inner);
  }
  const range = address.range();
  if (PRIVATE_RANGES.has(range)) return "private";
  if (range !== "unicast") return "special";
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST) ? "public" : "special";
}

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(address: Address): boolean {
  return address.range() === "loopback";
}

/** A single address or a CIDR block of an allow-list. */
export class AddressRange {
  readonly #base: Address;
  readonly #bits: number;
  /** The kind of address that all of the block is, if it is all of one kind. */
  readonly #kind: string | undefined;

  private constructor(base: Address, bits: number) {
    this.#base = base;
    this.#bits = bits;
    const [first, last] = [edgeOf(base, bits, 0), edgeOf(base, bits, 0xff)];
    this.#kind = first.range() === last.range() ? first.range() : undefined;
  }

  /** Parses `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`; undefined for anything else. */
  static parse(text: string): AddressRange | undefined {
    const [address = "", bitsText, ...rest] = text.split("/");
    const base = parseAddress(address);
    if (base === undefined || rest.length > 0) return undefined;
    if (bitsText === undefined) return new AddressRange(base, widthOf(base));
    const bits = /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : Infinity;
    const isMapped = base instanceof ipaddr.IPv4 && address.includes(":");
    if (isMapped && bits < MAPPED_BITS) return new AddressRange(ipaddr.IPv6.parse(address), bits);
    const ownBits = isMapped ? bits - MAPPED_BITS : bits;
    return ownBits <= widthOf(base) ? new AddressRange(base, ownBits) : undefined;
  }

  /**
   * True when the block contains the address. What is not public is covered only by a block that lies within the
   * same kind of addresses: `127.0.0.0/8` names loopback, `0.0.0.0/0` does not.
   */
  covers(address: Address): boolean {
    if (address.kind() !== this.#base.kind()) return false;
    if (!address.match(this.#base, this.#bits)) return false;
    return this.#isSingle || reachOf(address) === "public" || (address.range() === this.#kind && !isMetadata(address));
  }

  get #isSingle(): boolean {
    return this.#bits === widthOf(this.#base);
  }
}

function widthOf(address: Address): number {
  return address instanceof ipaddr.IPv4 ? 32 : 128;
}

/** Metadata services inside a block of ordinary addresses are not meant by the block. */
function isMetadata(address: Address): boolean {
  return METADATA_ADDRESSES.has(address.toString());
}

function unmapped(address: ipaddr.IPv6): Address {
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** Returns the IPv4 address that translation or tunnelling would reach, if the address says which. */
function embeddedIpv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const bytes = address.toByteArray();
  const range = address.range();
  if (range === "6to4") return new ipaddr.IPv4(bytes.slice(2, 6));
  if (range === "rfc6052" && address.match(LOCAL_NAT64)) return undefined;
  if (range === "rfc6052" || range === "rfc6145") return new ipaddr.IPv4(bytes.slice(12));
  if (range === "unicast" && address.match(IPV4_COMPATIBLE)) return new ipaddr.IPv4(bytes.slice(12));
  return undefined;
}

/** Returns the first (fill 0) or last (fill 255) address of a block. */
function edgeOf(base: Address, bits: number, fill: number): Address {
  const bytes = base.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    const mask = (0xff << (8 - kept)) & 0xff;
    return (byte & mask) | (fill & ~mask & 0xff);
  });
  return ipaddr.fromByteArray(bytes);
}
