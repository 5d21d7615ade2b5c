import { WasmletError } from "../../../common/errors.ts";
import { AddressRange, isLoopback, reachOf, type Address } from "./address.ts";
import { canonicalHost } from "./host-name.ts";

/** The ports that a URL with one of these schemes means when it names none. */
export const WELL_KNOWN_PORTS: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["https", 443],
  ["mqtt", 1883],
  ["mysql", 3306],
  ["postgres", 5432],
  ["redis", 6379],
]);

/** Whom an entry means. */
type Target =
  | { kind: "any" }
  | { kind: "name"; name: string }
  | { kind: "subdomains"; suffix: string }
  | { kind: "range"; range: AddressRange };

const SHAPE = /^(?:(?<scheme>[a-z][a-z0-9+.-]*):\/\/)?(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+))(?::(?<port>\d{1,5}|\*))?$/i;

/** One entry of `allowedOutboundHosts`. */
export class AllowedEntry {
  readonly #target: Target;
  readonly #scheme: string | undefined;
  /** The one port it opens; undefined opens all. */
  readonly port: number | undefined;

  private constructor(target: Target, scheme: string | undefined, port: number | undefined) {
    this.#target = target;
    this.#scheme = scheme;
    this.port = port;
  }

  /** Parses `[scheme://]host[:port]`; throws EGRESS_ENTRY_INVALID. */
  static parse(text: string): AllowedEntry {
    const bareRange = AddressRange.parse(text);
    if (bareRange !== undefined) return new AllowedEntry({ kind: "range", range: bareRange }, undefined, undefined);
    const groups = SHAPE.exec(text)?.groups;
    if (groups === undefined) throw invalid(text, "it is not of the form [scheme://]host[:port]");
    const target = parseTarget(groups["v6"], groups["host"]);
    if (target === undefined) throw invalid(text, "its host is no name, *.name, address, CIDR block or *");
    const scheme = groups["scheme"]?.toLowerCase();
    return new AllowedEntry(target, scheme, parsePort(text, scheme, groups["port"]));
  }

  /** True when the entry is for this port and scheme; a raw socket has no scheme and is judged by the port alone. */
  opens(port: number, scheme: string | undefined): boolean {
    if (this.port !== undefined && this.port !== port) return false;
    return this.#scheme === undefined || scheme === undefined || this.#scheme === scheme;
  }

  /** True when the entry means hosts of this name, so that it may be looked up. */
  names(name: string): boolean {
    const target = this.#target;
    if (target.kind === "any") return true;
    if (target.kind === "subdomains") return name.endsWith(target.suffix) && name.length > target.suffix.length;
    return target.kind === "name" && target.name === name;
  }

  /** True when the entry lets the address be reached: as itself, or as what `name` resolved to. */
  covers(address: Address, name?: string): boolean {
    const target = this.#target;
    if (target.kind === "range") return target.range.covers(address);
    if (target.kind === "any") return reachOf(address) === "public";
    if (name === undefined || !this.names(name)) return false;
    if (target.kind === "name" && name === "localhost" && isLoopback(address)) return true;
    return reachOf(address) !== "special";
  }
}

function parseTarget(v6: string | undefined, host: string | undefined): Target | undefined {
  if (host === "*") return { kind: "any" };
  const range = AddressRange.parse(v6 ?? host ?? "");
  if (range !== undefined) return { kind: "range", range };
  if (host === undefined) return undefined;
  const parent = host.startsWith("*.") ? host.slice(2) : undefined;
  // An odd spelling of an address is no name: `canonicalHost` returns it as an address, which is refused here.
  const name = canonicalHost(parent ?? host)?.name;
  if (name === undefined) return undefined;
  return parent === undefined ? { kind: "name", name } : { kind: "subdomains", suffix: `.${name}` };
}

function parsePort(text: string, scheme: string | undefined, port: string | undefined): number | undefined {
  if (port === "*") return undefined;
  if (port !== undefined) {
    const number = Number(port);
    if (number < 1 || number > 65535) throw invalid(text, "its port is not between 1 and 65535");
    return number;
  }
  if (scheme === undefined) return undefined;
  const known = WELL_KNOWN_PORTS.get(scheme);
  if (known === undefined) throw invalid(text, `the scheme "${scheme}" has no default port: name one`);
  return known;
}

function invalid(text: string, why: string): WasmletError {
  return new WasmletError("EGRESS_ENTRY_INVALID", `the outbound host "${text}" is not valid: ${why}`, {
    expected: "a name, *.name, IP address, CIDR block or *, with an optional scheme:// and :port",
    actual: text,
  });
}
