/**
 * The allow-list of outgoing traffic (`network.allowedOutboundHosts`): what is not listed can't be reached.
 *
 * - A name is looked up only when an entry names it: DNS itself would carry data out.
 * - The decision is about the address that the name resolved to, and that address is returned to be connected to.
 *   Nothing is looked up a second time, so a name that changes its address in between gains nothing.
 * - Public addresses are reached through any entry that means them, `*` included. Private ones (RFC 1918, ULA,
 *   100.64.0.0/10: cluster services) through an entry with their name, or with an address range made of such addresses.
 * - Loopback, link-local, metadata, unspecified, multicast and reserved addresses only when the address or a range of the
 *   same kind is listed; loopback also as the name `localhost`, when that is listed. IPv6 forms that carry an IPv4 address are
 *   judged by the one inside.
 *
 * docs/egress.md says the same to users.
 */
import { lookup as systemLookup } from "node:dns/promises";
import { systemCodeOf } from "../../../common/errors.ts";
import { SYSTEM_CLOCK, type Clock } from "../clocks/clock.ts";
import { parseAddress, type Address } from "./address.ts";
import { AllowedEntry } from "./allowed-entry.ts";
import { EgressDenied, LookupFailed } from "./egress-errors.ts";
import { canonicalHost } from "./host-name.ts";

/** An address that was resolved and checked: connect to this one and look nothing up again. */
export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** An address of an allowed name, for raw sockets: reachable on these ports. */
export interface NamedAddress extends ResolvedAddress {
  ports: ReadonlySet<number> | "all";
}

/** What one denial was about; `port` is 0 when only a name was looked up. */
export interface Denial {
  host: string;
  port: number;
  /** Which list denied it, where it is not the app's. */
  list?: string;
}

/** A second list, which has to allow what the app's own does. */
export interface NarrowerList {
  /** How it is called. */
  name: string;
  /** On which ports a host, a name or an address, may be reached; without a scheme, by raw sockets. */
  ports(host: string, scheme: string | undefined): ReadonlySet<number> | "all";
}

/** How an EgressPolicy learns addresses and tells of denials. */
export interface EgressOptions {
  /** Returns every address of a name; defaults to the system's resolver. */
  lookup?: (name: string) => Promise<readonly { address: string }[]>;
  /** Called once for each denied call. */
  onDenied?: (denial: Denial) => void;
  within?: NarrowerList;
  /** Called for each connection that is one too many. */
  onConnectionLimit?: () => void;
  /** Connections and sockets that all instances may have open at once. */
  maxConnections?: number;
  clock?: Clock;
  /** How long one look-up may take, in milliseconds. */
  lookupTimeoutMs?: number;
}

const DEFAULT_LOOKUP_TIMEOUT_MS = 5000;

/** The system's resolver has few threads, which file access shares: one app may not hold them all. */
const MAX_CONCURRENT_LOOKUPS = 16;

/** Connections of one program: its cell has a bounded number of descriptors, which its neighbours need too. */
const MAX_CONNECTIONS = 4096;

/** Addresses of one name that are considered. */
const MAX_ADDRESSES = 32;

/** The allow-list of one app. */
export class EgressPolicy {
  readonly #entries: readonly AllowedEntry[];
  readonly #lookup: NonNullable<EgressOptions["lookup"]>;
  readonly #onDenied: (denial: Denial) => void;
  readonly #within: NarrowerList | undefined;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onConnectionLimit: () => void;
  readonly #maxConnections: number;
  #connections = 0;
  #pendingLookups = 0;

  private constructor(entries: readonly AllowedEntry[], options: EgressOptions) {
    this.#entries = entries;
    this.#lookup = options.lookup ?? ((name) => systemLookup(name, { all: true }));
    this.#onDenied = options.onDenied ?? (() => {});
    this.#within = options.within;
    this.#onConnectionLimit = options.onConnectionLimit ?? (() => {});
    this.#maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#timeoutMs = options.lookupTimeoutMs ?? DEFAULT_LOOKUP_TIMEOUT_MS;
  }

  /** Returns the policy of a list of entries; throws EGRESS_ENTRY_INVALID for the first that is none. */
  static parse(allowed: readonly string[], options: EgressOptions = {}): EgressPolicy {
    return new EgressPolicy(
      allowed.map((text) => AllowedEntry.parse(text)),
      options,
    );
  }

  /** True when the list is empty. */
  get allowsNothing(): boolean {
    return this.#entries.length === 0;
  }

  /**
   * Returns the addresses at which `host` may be reached on `port`, at least one, to be connected to as they are.
   * Throws EgressDenied or LookupFailed.
   */
  async resolve(host: string, port: number, scheme?: string): Promise<ResolvedAddress[]> {
    this.#checkWithin(host, scheme, port);
    const open = this.#entries.filter((entry) => entry.opens(port, scheme));
    const target = canonicalHost(host);
    if (target?.address !== undefined) {
      const { address } = target;
      if (!open.some((entry) => entry.covers(address))) throw this.#deny(host, port, "address");
      return [resolvedOf(address)];
    }
    const name = target?.name;
    if (name === undefined || !open.some((entry) => entry.names(name))) throw this.#deny(host, port, "host");
    const addresses = await this.#addressesOf(name);
    const allowed = addresses.filter((address) => open.some((entry) => entry.covers(address, name)));
    if (allowed.length === 0) throw this.#deny(host, port, "address");
    return allowed.map(resolvedOf);
  }

  /** Returns the addresses of a name and the ports they may be reached on, for raw sockets. Throws as `resolve`. */
  async lookup(host: string): Promise<NamedAddress[]> {
    const narrower = this.#checkWithin(host);
    const target = canonicalHost(host);
    const name = target?.name;
    if (target?.address === undefined && !this.#entries.some((entry) => name !== undefined && entry.names(name))) {
      throw this.#deny(host, 0, "host");
    }
    const addresses = target?.address === undefined ? await this.#addressesOf(name!) : [target.address];
    const allowed = addresses.flatMap((address) => {
      const covering = this.#entries.filter((entry) => entry.covers(address, name));
      return covering.length === 0 ? [] : [{ ...resolvedOf(address), ports: bothOf(portsOf(covering), narrower) }];
    });
    if (allowed.length === 0) throw this.#deny(host, 0, "address");
    return allowed;
  }

  /** Returns the address when a raw socket may reach it on `port` without having looked up a name; throws EgressDenied. */
  check(address: string, port: number): ResolvedAddress {
    this.#checkWithin(address, undefined, port);
    const parsed = parseAddress(address);
    const isAllowed =
      parsed !== undefined && this.#entries.some((entry) => entry.opens(port, undefined) && entry.covers(parsed));
    if (!isAllowed) throw this.#deny(address, port, "address");
    return resolvedOf(parsed);
  }

  /** Counts a connection; returns what must be called when it is closed. Throws EMFILE for one that is one too many. */
  openConnection(): () => void {
    if (this.#connections >= this.#maxConnections) {
      this.#onConnectionLimit();
      throw Object.assign(new Error("too many connections of one program"), { code: "EMFILE" });
    }
    this.#connections += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.#connections -= 1;
      isOpen = false;
    };
  }

  /** Returns the ports that the narrower list leaves; throws EgressDenied where the one that is wanted, or all, are not left. */
  #checkWithin(host: string, scheme?: string, port?: number): ReadonlySet<number> | "all" {
    const ports = this.#within?.ports(host, scheme) ?? "all";
    if (ports === "all" || (port === undefined ? ports.size > 0 : ports.has(port))) return ports;
    throw this.#deny(host, port ?? 0, "host", this.#within?.name);
  }

  #deny(host: string, port: number, reason: "host" | "address", list?: string): EgressDenied {
    this.#onDenied({ host, port, ...(list !== undefined && { list }) });
    return new EgressDenied(host, port, reason);
  }

  async #addressesOf(name: string): Promise<Address[]> {
    if (this.#pendingLookups >= MAX_CONCURRENT_LOOKUPS) throw new LookupFailed(name, "temporary");
    const answers = await this.#lookUp(name);
    const addresses = answers.slice(0, MAX_ADDRESSES).map(({ address }) => parseAddress(address));
    return addresses.filter((address) => address !== undefined);
  }

  #lookUp(name: string): Promise<readonly { address: string }[]> {
    this.#pendingLookups += 1;
    const { promise, resolve, reject } = Promise.withResolvers<readonly { address: string }[]>();
    const disarm = this.#clock.after(this.#timeoutMs, () => reject(new LookupFailed(name, "timeout")));
    this.#lookup(name)
      .then(resolve, (cause: unknown) => reject(new LookupFailed(name, reasonOf(cause), cause)))
      // A look-up that outlives its time limit still holds a thread of the resolver.
      .finally(() => {
        this.#pendingLookups -= 1;
        disarm();
      });
    return promise;
  }
}

function resolvedOf(address: Address): ResolvedAddress {
  return { address: address.toString(), family: address.kind() === "ipv4" ? 4 : 6 };
}

function portsOf(entries: readonly AllowedEntry[]): ReadonlySet<number> | "all" {
  const ports = entries.map((entry) => entry.port);
  return ports.includes(undefined) ? "all" : new Set(ports as number[]);
}

function bothOf(one: NamedAddress["ports"], other: NamedAddress["ports"]): NamedAddress["ports"] {
  if (one === "all") return other;
  return other === "all" ? one : new Set([...one].filter((port) => other.has(port)));
}

function reasonOf(cause: unknown): "not-found" | "temporary" {
  const code = systemCodeOf(cause);
  return code === "ENOTFOUND" || code === "ENODATA" ? "not-found" : "temporary";
}
