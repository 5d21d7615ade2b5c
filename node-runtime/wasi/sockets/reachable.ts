import type { EgressPolicy, NamedAddress } from "./egress.ts";

/** Resolved addresses that are remembered; the oldest are forgotten first. */
const MAX_REMEMBERED = 1024;

/**
 * What one guest's raw sockets may reach: what the allow-list names by address, and what the guest looked up by an allowed
 * name, on that name's ports.
 */
export class Reachable {
  readonly #egress: EgressPolicy;
  readonly #portsByAddress = new Map<string, NamedAddress["ports"]>();

  constructor(egress: EgressPolicy) {
    this.#egress = egress;
  }

  /** Looks a name up and remembers its addresses as reachable. Throws EgressDenied or LookupFailed. */
  async lookup(name: string): Promise<NamedAddress[]> {
    const addresses = await this.#egress.lookup(name);
    for (const { address, ports } of addresses) this.#remember(address, ports);
    return addresses;
  }

  /** Throws EgressDenied unless the address may be reached on the port. */
  check(address: string, port: number): void {
    const ports = this.#portsByAddress.get(address);
    if (ports === "all" || ports?.has(port) === true) return;
    this.#egress.check(address, port);
  }

  /** As `EgressPolicy.openConnection`. */
  openConnection(): () => void {
    return this.#egress.openConnection();
  }

  #remember(address: string, ports: NamedAddress["ports"]): void {
    const known = this.#portsByAddress.get(address);
    this.#portsByAddress.delete(address);
    this.#portsByAddress.set(address, known === undefined ? ports : unionOf(known, ports));
    if (this.#portsByAddress.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#portsByAddress.keys();
    this.#portsByAddress.delete(oldest!);
  }
}

/** Two names may share an address: each keeps what it opened. */
function unionOf(known: NamedAddress["ports"], more: NamedAddress["ports"]): NamedAddress["ports"] {
  return known === "all" || more === "all" ? "all" : new Set([...known, ...more]);
}
