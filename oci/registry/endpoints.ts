import { isLoopback } from "./addresses.ts";
import type { PlainHttpRule } from "./reach.ts";
import { speaksNoTls, type Transport } from "./transport.ts";

/** Where a registry is asked: itself, or a mirror of it. */
export interface Endpoint {
  /** The registry whose credentials are used here. */
  registry: string;
  /** Scheme, host and port. */
  origin: URL;
  isMirror: boolean;
}

/** Hosts that registries are served from although they are called something else. */
const SERVED_FROM: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };
/** Schemes that are remembered. */
const MAX_REMEMBERED = 256;

/** Finds where registries are served, and whether a registry on this machine speaks TLS. */
export class Endpoints {
  readonly #transport: Transport;
  readonly #mirrors: ReadonlyMap<string, readonly string[]>;
  readonly #allowsPlainHttp: PlainHttpRule;
  readonly #origins = new Map<string, Promise<URL>>();

  constructor(transport: Transport, mirrors: ReadonlyMap<string, readonly string[]>, allowsPlainHttp: PlainHttpRule) {
    this.#transport = transport;
    this.#mirrors = mirrors;
    this.#allowsPlainHttp = allowsPlainHttp;
  }

  /** Returns the mirrors of a registry, in order, and last the registry itself, which alone is there for a push. */
  async of(registry: string, isPush: boolean): Promise<Endpoint[]> {
    const mirrors = isPush ? [] : (this.#mirrors.get(registry) ?? []);
    const hosts = [...mirrors, SERVED_FROM[registry] ?? registry];
    return Promise.all(
      hosts.map(async (host, index) => {
        const isMirror = index < mirrors.length;
        return { registry: isMirror ? host : registry, origin: await this.#originOf(host), isMirror };
      }),
    );
  }

  #originOf(host: string): Promise<URL> {
    const known = this.#origins.get(host);
    if (known !== undefined) return known;
    if (this.#origins.size >= MAX_REMEMBERED) this.#origins.clear();
    const origin = this.#findOrigin(host);
    this.#origins.set(host, origin);
    return origin;
  }

  async #findOrigin(host: string): Promise<URL> {
    if (this.#allowsPlainHttp(host)) return new URL(`http://${host}`);
    const secure = new URL(`https://${host}`);
    if (!isLoopback(secure.hostname)) return secure;
    try {
      const response = await this.#transport.send({ method: "GET", url: new URL("/v2/", secure) });
      response.discard();
    } catch (thrown) {
      if (speaksNoTls(thrown)) return new URL(`http://${host}`);
      // Whoever asks in earnest says what is wrong; next time it may be another thing.
      this.#origins.delete(host);
    }
    return secure;
  }
}
