import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { WasmletError, messageOf, systemCodeOf } from "../../common/errors.ts";
import { NO_CLAIMS, type PortClaims } from "./port-claims.ts";

const LAST_PORT = 65_535;
/** How often a port is claimed that another runtime has, or another one is asked for. */
const MAX_ATTEMPTS = 100;
const RETRY_MS = 10;

/** What ports a runtime may have beside those that are free. */
export interface PortsOptions {
  claims?: PortClaims;
  /** Ports that apps had in the runtime whose place this one takes: its cells listen on them. */
  inherited?: ReadonlyMap<string, number>;
}

/** Gives each http app its port: the one it asks for, or the lowest free one, and the same one for as long as it exists. */
export class Ports {
  readonly #host: string;
  readonly #firstPort: number;
  readonly #claims: PortClaims;
  readonly #inherited: Map<string, number>;
  readonly #taken = new Map<number, string>();
  readonly #ports = new Map<string, number>();
  /** The assignment that was asked for last: they take turns, because looking whether a port is free takes a while. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: string, firstPort: number, { claims = NO_CLAIMS, inherited = new Map() }: PortsOptions = {}) {
    this.#host = host;
    this.#firstPort = firstPort;
    this.#claims = claims;
    this.#inherited = new Map(inherited);
  }

  /** The ports that are given, by app. */
  get all(): ReadonlyMap<string, number> {
    return this.#ports;
  }

  /**
   * Claims the inherited ports, which the runtime before this one lets go of. Another one may look at them meanwhile, and
   * finds that they are listened on.
   */
  async claimInherited(): Promise<void> {
    this.#inherited.clear();
    for (const port of this.#taken.keys()) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS && !(await this.#claims.claim(port)); attempt++)
        await delay(RETRY_MS);
    }
  }

  /** Lets go of all claims: the runtime that takes over claims the ports. */
  releaseClaims(): void {
    for (const port of this.#taken.keys()) this.#claims.release(port);
  }

  /**
   * Returns the app's port; throws APP_PORT_CONFLICT when another app has it, APP_PORT_IN_USE when another program. Who
   * asks first gets the lower one. Rejects without taking one when aborted.
   */
  assign(id: string, wanted: number | undefined, reserved: ReadonlySet<number>, signal?: AbortSignal): Promise<number> {
    const turn = this.#last.then(() => this.#assign(id, wanted, reserved, signal));
    this.#last = turn.catch(() => {}); // its own caller hears of it
    return turn;
  }

  async #assign(
    id: string,
    wanted: number | undefined,
    reserved: ReadonlySet<number>,
    signal?: AbortSignal,
  ): Promise<number> {
    signal?.throwIfAborted();
    const current = this.portOf(id);
    if (current !== undefined && (wanted === undefined || wanted === current)) return current;
    const inherited = this.#inherited.get(id);
    if (wanted !== undefined) {
      const holder = this.#taken.get(wanted);
      if (holder !== undefined) {
        throw new WasmletError("APP_PORT_CONFLICT", `port ${wanted} is the port of ${holder} already`, {
          where: `the port of ${id}`,
        });
      }
      if (wanted !== inherited) await this.#claimFree(wanted);
      return this.#take(id, wanted, signal);
    }
    if (inherited !== undefined && !this.#taken.has(inherited)) return this.#take(id, inherited, signal);
    if (this.#firstPort === 0) return this.#take(id, await this.#claimAnyFree(), signal);
    for (let port = this.#firstPort; port <= LAST_PORT; port++) {
      if (this.#taken.has(port) || reserved.has(port)) continue;
      try {
        await this.#claimFree(port);
        return this.#take(id, port, signal);
      } catch (thrown) {
        if (!(thrown instanceof WasmletError)) throw thrown;
      }
    }
    throw new WasmletError("APP_PORT_IN_USE", `no port is free from ${this.#firstPort} upwards`, { where: id });
  }

  portOf(id: string): number | undefined {
    return this.#ports.get(id);
  }

  /** Frees the app's port. */
  release(id: string): void {
    const port = this.portOf(id);
    if (port === undefined) return;
    this.#taken.delete(port);
    this.#ports.delete(id);
    this.#inherited.delete(id);
    this.#claims.release(port);
  }

  #take(id: string, port: number, signal: AbortSignal | undefined): number {
    if (signal?.aborted === true) {
      // An app that was removed meanwhile would keep it for ever.
      this.#claims.release(port);
      signal.throwIfAborted();
    }
    this.release(id);
    this.#taken.set(port, id);
    this.#ports.set(id, port);
    return port;
  }

  /**
   * Cells share ports (reusePort), which would hide another program's listener: so it is looked for without sharing. Claimed
   * first, so that no other runtime finds the port free before this one's cells listen.
   */
  async #claimFree(port: number): Promise<void> {
    const where = `${this.#host}:${port}`;
    if (!(await this.#claims.claim(port))) {
      throw new WasmletError("APP_PORT_IN_USE", `port ${port} is taken by another node runtime`, { where });
    }
    try {
      await probe(this.#host, port);
    } catch (cause) {
      this.#claims.release(port);
      const isTaken = systemCodeOf(cause) === "EADDRINUSE";
      const problem = isTaken ? `port ${port} is taken by another program` : messageOf(cause);
      throw new WasmletError("APP_PORT_IN_USE", problem, { where, cause });
    }
  }

  async #claimAnyFree(): Promise<number> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const port = await probe(this.#host, 0);
      // One of this runtime's own is free as long as its cells do not listen on it yet.
      if (!this.#taken.has(port) && (await this.#claims.claim(port))) return port;
    }
    throw new WasmletError(
      "APP_PORT_IN_USE",
      "every free port that the system named is claimed by another node runtime",
    );
  }
}

function probe(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}
