import { AddressRange } from "../wasi/sockets/address.ts";
import type { NarrowerList } from "../wasi/sockets/egress.ts";
import { canonicalHost, type Host } from "../wasi/sockets/host-name.ts";
import { WELL_KNOWN_PORTS } from "../wasi/sockets/allowed-entry.ts";

/*
 * `allowed_outbound_hosts` of a Spin application's component: what it may reach of that which the app may. An entry is
 *
 *   scheme://host[:port]
 *   scheme = letters | *          a raw socket needs tcp, udp or *
 *   host = name | *.name | address | address/bits | * | self
 *   port = number | from..to | *  without one, the scheme's own; `to` is not among them
 *
 * as in https://github.com/spinframework/spin/blob/main/crates/outbound-networking-config/src/allowed_hosts.rs. An entry
 * that says nothing here (`self`, lists in braces) allows nothing.
 */

const ENTRY = /^(?<scheme>\*|[a-z]+):\/\/(?<host>\*|\[[^\]]+\](\/\d+)?|[^:/]+(\/\d+)?)(:(?<port>[^/]*))?\/?$/i;
const RAW_SCHEMES = new Set(["*", "tcp", "udp"]);

type Ports = ReadonlySet<number> | "all";

interface Entry {
  scheme: string;
  names(host: Host): boolean;
  ports: Ports;
}

/** The hosts that one component may reach. */
export class ComponentHosts implements NarrowerList {
  readonly name = "the component's allowed_outbound_hosts";
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Reads the entries, their templates filled. */
  static parse(entries: readonly string[]): ComponentHosts {
    return new ComponentHosts(entries.flatMap((entry) => parseEntry(entry.trim()) ?? []));
  }

  ports(host: string, scheme: string | undefined): Ports {
    const target = canonicalHost(host);
    if (target === undefined) return new Set();
    const open = this.#entries.filter(
      (entry) =>
        (scheme === undefined ? RAW_SCHEMES.has(entry.scheme) : ["*", scheme].includes(entry.scheme)) &&
        entry.names(target),
    );
    const union = new Set<number>();
    for (const { ports } of open) {
      if (ports === "all") return "all";
      for (const port of ports) union.add(port);
    }
    return union;
  }
}

function parseEntry(text: string): Entry | undefined {
  const { scheme = "", host = "", port = "" } = ENTRY.exec(text)?.groups ?? {};
  const ports = parsePorts(port, scheme.toLowerCase());
  const names = parseHost(host);
  return ports && names && { scheme: scheme.toLowerCase(), names, ports };
}

function parsePorts(port: string, scheme: string): Ports | undefined {
  if (port === "*") return "all";
  if (port === "") {
    const known = WELL_KNOWN_PORTS.get(scheme);
    return known === undefined ? undefined : new Set([known]);
  }
  const { from, to } = /^(?<from>\d{1,5})(\.\.(?<to>\d{1,5}))?$/.exec(port)?.groups ?? {};
  if (from === undefined) return undefined;
  if (to === undefined) return new Set([Number(from)]);
  return new Set(Array.from({ length: Math.max(0, Number(to) - Number(from)) }, (_, index) => Number(from) + index));
}

function parseHost(text: string): Entry["names"] | undefined {
  if (text === "*") return () => true;
  if (text === "" || text === "self" || text === "self.alt") return undefined;
  const range = AddressRange.parse(text.replaceAll(/[[\]]/g, ""));
  if (range !== undefined) return ({ address }) => address !== undefined && range.covers(address);
  const suffix = text.startsWith("*.") ? canonicalHost(text.slice(2))?.name : undefined;
  if (suffix !== undefined) return ({ name }) => name?.endsWith(`.${suffix}`) === true;
  const exact = canonicalHost(text)?.name;
  return exact === undefined ? undefined : ({ name }) => name === exact;
}
