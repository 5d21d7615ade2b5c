import { createServer, type Server, type Socket } from "node:net";
import { Connection } from "./connection.ts";
import type { ConnectionOwner, Refusal } from "./connection-owner.ts";
import type { Exchange } from "./exchange.ts";
import type { ProtocolError } from "./request-parser.ts";
import { stopAccepting } from "./stop-accepting.ts";

/** How often connections are looked at whose time may be over. */
const CHECK_INTERVAL_MS = 1000;
/**
 * Connections that the kernel makes ahead. More would only grow old there: who comes too late for one tries again, which the
 * kernel refuses at next to no cost, while one that is accepted when its client has given up costs as much as any other.
 */
const BACKLOG = 256;
/** How long a draining listener still answers on connections that were idle, telling each client to close. */
const DRAIN_LINGER_MS = 1000;

/** What is done with what comes. */
export interface Service {
  /** A connection has come. */
  accepted?(): void;
  /** Must end the exchange in every case. */
  serve(exchange: Exchange): void;
  /** Returns the answer to what is no request. */
  refuse(error: ProtocolError): Refusal;
}

/** A port on which HTTP/1.1 is served. */
export class Listener implements ConnectionOwner {
  readonly #server: Server;
  readonly #service: Service;
  readonly #connections = new Set<Connection>();
  readonly #checking: NodeJS.Timeout;
  #isDraining = false;
  #seconds = 0;
  #isLingering = true;

  constructor(service: Service) {
    this.#service = service;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#checking = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
    this.#checking.unref();
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get seconds(): number {
    return this.#seconds;
  }

  /** Resolves once the address is listened on; rejects with Node's error when it is taken. */
  listen(address: { host: string; port: number } | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      // The kernel balances between the cells that listen on the port; other systems than Linux have one cell.
      this.#server.listen({ ...address, reusePort: process.platform === "linux", backlog: BACKLOG }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  /** Stops accepting and resolves when all connections have ended, each after the requests that it had begun. */
  async close(): Promise<void> {
    this.#isDraining = true;
    const closed = Promise.withResolvers<void>();
    await stopAccepting(this.#server, closed.resolve);
    setTimeout(() => {
      this.#isLingering = false;
      for (const connection of this.#connections) connection.endIfIdle();
    }, DRAIN_LINGER_MS).unref();
    await closed.promise;
    clearInterval(this.#checking);
  }

  serve(exchange: Exchange): void {
    this.#service.serve(exchange);
  }

  refuse(error: ProtocolError): Refusal {
    return this.#service.refuse(error);
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
  }

  #accept(socket: Socket): void {
    this.#connections.add(new Connection(socket, this));
    this.#service.accepted?.();
  }

  #check(): void {
    this.#seconds++;
    for (const connection of this.#connections) {
      connection.check();
      if (this.#isDraining && !this.#isLingering) connection.endIfIdle();
    }
  }
}
