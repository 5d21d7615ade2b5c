import { Notifier } from "../io/notifier.ts";
import { Pollable } from "../io/pollable.ts";
import type { Scope } from "../scope.ts";
import { parseAddress } from "./address.ts";
import { canonicalHost } from "./host-name.ts";
import { ipAddressOf, type IpAddress } from "./ip-address.ts";
import { networkError, networkErrorCodeOf, type NetworkErrorCode, type SocketContext } from "./network.ts";

/** `wasi:sockets/ip-name-lookup` resource `resolve-address-stream`. */
export class ResolveAddressStream {
  readonly #scope: Scope;
  readonly #changed = new Notifier();
  #addresses: IpAddress[] | undefined;
  #failure: NetworkErrorCode | undefined;

  constructor(scope: Scope, addresses: Promise<readonly { address: string }[]>) {
    this.#scope = scope;
    void this.#await(addresses);
  }

  /** Returns the next address, undefined after the last one; throws `would-block` until they are known. */
  resolveNextAddress(): IpAddress | undefined {
    if (this.#failure !== undefined) throw networkError(this.#failure);
    if (this.#addresses === undefined) throw networkError("would-block");
    return this.#addresses.shift();
  }

  async #await(addresses: Promise<readonly { address: string }[]>): Promise<void> {
    try {
      this.#addresses = (await addresses).map(({ address }) => ipAddressOf(address));
    } catch (error) {
      this.#failure = networkErrorCodeOf(error);
    }
    this.#changed.notify();
  }

  /** A pollable that is ready once the addresses are known, or that there are none. */
  subscribe(): Pollable {
    return new Pollable(this.#scope, {
      ready: () => this.#addresses !== undefined || this.#failure !== undefined,
      subscribe: (wake) => this.#changed.subscribe(wake),
    });
  }
}

/** `ip-name-lookup.resolve-addresses`: only names that the allow-list has are looked up; addresses stand for themselves. */
export function resolveAddresses({ scope, reachable }: SocketContext, name: string): ResolveAddressStream {
  const literal = parseAddress(name);
  if (literal !== undefined) {
    return new ResolveAddressStream(scope, Promise.resolve([{ address: literal.toString() }]));
  }
  if (canonicalHost(name) === undefined) throw networkError("invalid-argument");
  return new ResolveAddressStream(scope, reachable.lookup(name));
}
