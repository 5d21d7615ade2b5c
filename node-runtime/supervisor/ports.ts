import { createServer } from "node:net";
import { WasmletError, messageOf, systemCodeOf } from "../../common/errors.ts";

const LAST_PORT = 65_535;

/** Gives each http app its port: the one it asks for, or the lowest free one, and the same one for as long as it exists. */
export class Ports {
  readonly #host: string;
  readonly #firstPort: number;
  readonly #taken = new Map<number, string>();
  /** The assignment that was asked for last: they take turns, because looking whether a port is free takes a while. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: string, firstPort: number) {
    this.#host = host;
    this.#firstPort = firstPort;
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
    if (wanted !== undefined) {
      const holder = this.#taken.get(wanted);
      if (holder !== undefined) {
        throw new WasmletError("APP_PORT_CONFLICT", `port ${wanted} is the port of ${holder} already`, {
          where: `the port of ${id}`,
        });
      }
      await checkFree(this.#host, wanted);
      return this.#take(id, wanted, signal);
    }
    if (this.#firstPort === 0) return this.#take(id, await findAnyFree(this.#host), signal);
    for (let port = this.#firstPort; port <= LAST_PORT; port++) {
      if (this.#taken.has(port) || reserved.has(port)) continue;
      try {
        await checkFree(this.#host, port);
        return this.#take(id, port, signal);
      } catch (thrown) {
        if (!(thrown instanceof WasmletError)) throw thrown;
      }
    }
    throw new WasmletError("APP_PORT_IN_USE", `no port is free from ${this.#firstPort} upwards`, { where: id });
  }

  portOf(id: string): number | undefined {
    for (const [port, holder] of this.#taken) if (holder === id) return port;
    return undefined;
  }

  /** Frees the app's port. */
  release(id: string): void {
    const port = this.portOf(id);
    if (port !== undefined) this.#taken.delete(port);
  }

  #take(id: string, port: number, signal: AbortSignal | undefined): number {
    signal?.throwIfAborted(); // an app that was removed meanwhile would keep it for ever
    this.release(id);
    this.#taken.set(port, id);
    return port;
  }
}

/** Cells share ports (reusePort), which would hide another program's listener: so it is looked for without sharing. */
async function checkFree(host: string, port: number): Promise<void> {
  try {
    await probe(host, port);
  } catch (cause) {
    const taken = systemCodeOf(cause) === "EADDRINUSE";
    throw new WasmletError("APP_PORT_IN_USE", taken ? `port ${port} is taken by another program` : messageOf(cause), {
      where: `${host}:${port}`,
      cause,
    });
  }
}

function findAnyFree(host: string): Promise<number> {
  return probe(host, 0);
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
