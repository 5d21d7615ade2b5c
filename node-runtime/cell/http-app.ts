import { createServer, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { sendError, sendRawError } from "./answers.ts";
import { ConnectionQueue, MAX_PIPELINED, type Turn } from "./connection-queue.ts";
import { Guest } from "./guest.ts";
import { InstancePool } from "./instance-pool.ts";
import type { LineBudget } from "./log-lines.ts";
import type { AppStats, CellApp, LogLine } from "./protocol.ts";
import { handleRequest } from "./request-handler.ts";
import type { StatsCollector } from "./stats.ts";

/** The largest request head that is read. */
const MAX_HEADER_BYTES = 32 * 1024;
const HEADERS_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** How long a draining app still answers on connections that were idle, telling each client to close. */
const DRAIN_LINGER_MS = 250;
/** How long a draining app goes on accepting: clients that never cease must not keep it from closing. */
const MAX_ACCEPT_MS = 500;

/** One version of an app: its guest and the instances of it. */
interface Version {
  guest: Guest;
  pool: InstancePool;
}

/** An http app in this cell: its listening socket, which outlives versions, and the version that serves. */
export class HttpApp {
  readonly #server: Server;
  readonly #connections = new ConnectionQueue((turn) => this.#serve(turn));
  readonly #stats: StatsCollector;
  readonly #lineBudget: LineBudget;
  readonly #log: (line: LogLine) => void;
  #current: Version;
  #retired: Version[] = [];
  #idleTimer: NodeJS.Timeout | undefined;
  #inFlight = 0;
  #draining = false;
  #lingering = true;

  constructor(app: CellApp, log: (line: LogLine) => void, stats: StatsCollector, lineBudget: LineBudget) {
    this.#log = log;
    this.#stats = stats;
    this.#lineBudget = lineBudget;
    this.#current = this.#makeVersion(app);
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        requestTimeout: 0, // the guest's own deadline governs
        requireHostHeader: false, // refused by us, with a code
        insecureHTTPParser: false,
        noDelay: true,
      },
      (request, response) => this.#connections.add(request, response),
    );
    // Without this, Node asks for the body before anything was refused.
    this.#server.on("checkContinue", (request, response) => this.#connections.add(request, response));
    this.#server.on("checkExpectation", (request, response) => this.#connections.add(request, response));
    this.#server.on("connect", (_request, socket) => this.#refuseConnect(socket as Socket));
    this.#server.on("clientError", (error, socket) => onClientError(error as NodeJS.ErrnoException, socket as Socket));
    this.#server.maxRequestsPerSocket = 0;
  }

  /** Resolves once the port is listened on; rejects with Node's error when it is taken. */
  listen(): Promise<void> {
    const { listen } = this.#current.guest.app;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      // The kernel balances between the cells that listen on the port; other systems than Linux have one cell.
      this.#server.listen({ ...listen, reusePort: process.platform === "linux", backlog: 1024 }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  /** Swaps in a new version: requests under way end in the old one, the next goes to the new one. */
  replace(app: CellApp): void {
    const next = this.#makeVersion(app);
    next.guest.check();
    const old = this.#current;
    this.#current = next;
    this.#retired.push(old);
    old.pool.close();
    this.#forgetRetired();
  }

  /** Stops accepting and resolves when every accepted request is answered. */
  async close(): Promise<void> {
    this.#draining = true;
    clearTimeout(this.#idleTimer);
    await this.#acceptQueued();
    return new Promise((resolve) => {
      // Not http's own `close`, which cuts idle connections at once: a request may be on its way on one of them.
      NetServer.prototype.close.call(this.#server, () => {
        this.#current.pool.close();
        resolve();
      });
      setTimeout(() => {
        this.#lingering = false;
        this.#server.closeIdleConnections();
      }, DRAIN_LINGER_MS).unref();
    });
  }

  /** Accepts what waits in the kernel's queue, one connection a turn: closing a listener resets what is left there. */
  async #acceptQueued(): Promise<void> {
    let accepted = true;
    const note = (): void => void (accepted = true);
    this.#server.on("connection", note);
    const lastMs = performance.now() + MAX_ACCEPT_MS;
    while (accepted && performance.now() < lastMs) {
      accepted = false;
      // The first turn may be the rest of the current one, which has looked at its sockets already.
      for (let rest = 0; rest < 2; rest++) await new Promise<void>((resume) => setImmediate(resume));
    }
    this.#server.off("connection", note);
  }

  /** What happened since the last call. */
  takeStats(): AppStats {
    const versions = [this.#current, ...this.#retired];
    return {
      id: this.#current.guest.app.id,
      ...this.#stats.take(),
      logDropped: this.#lineBudget.takeDropped(),
      instances: versions.reduce((sum, { guest }) => sum + guest.instanceCount, 0),
      memoryBytes: versions.reduce((sum, { guest }) => sum + guest.memoryBytes(), 0),
      inFlight: this.#inFlight,
    };
  }

  #makeVersion(app: CellApp): Version {
    const guest = new Guest(app, this.#log, this.#stats, this.#lineBudget);
    guest.check();
    return { guest, pool: new InstancePool(guest) };
  }

  #serve({ request, response, arrivedMs, isSurplus, isLast }: Turn): void {
    const { guest, pool } = this.#current;
    this.#inFlight++;
    clearTimeout(this.#idleTimer);
    // Not while accepted requests wait behind it: they would be lost.
    if (this.#draining && isLast) response.setHeader("connection", "close");
    response.once("close", () => {
      this.#inFlight--;
      this.#forgetRetired();
      if (this.#draining && !this.#lingering) this.#server.closeIdleConnections();
      else if (!this.#draining && this.#inFlight === 0) this.#armIdle();
    });
    if (isSurplus) this.#refuseSurplus(response, arrivedMs);
    else void handleRequest(guest, pool, request, response, arrivedMs);
  }

  /** Node.js gives CONNECT no response to write to, and would cut the connection. */
  #refuseConnect(socket: Socket): void {
    // An answer now would be taken for that of an earlier request.
    if (this.#connections.isServing(socket)) return void socket.destroy();
    socket.on("error", () => {});
    sendRawError(socket, "REQUEST_METHOD", "CONNECT is not served: this is no proxy");
    socket.resume();
  }

  #refuseSurplus(response: ServerResponse, arrivedMs: number): void {
    this.#stats.limitHit("pipelined_requests");
    sendError(response, "REQUEST_OVERLOADED", `more than ${MAX_PIPELINED} requests wait on this connection`);
    this.#stats.request(response.statusCode, "warm", (performance.now() - arrivedMs) / 1000);
  }

  #armIdle(): void {
    const { guest, pool } = this.#current;
    if (guest.app.idleMs === 0) return;
    this.#idleTimer = setTimeout(() => pool.trim(), guest.app.idleMs);
    this.#idleTimer.unref();
  }

  #forgetRetired(): void {
    this.#retired = this.#retired.filter(({ guest }) => guest.instanceCount > 0);
  }
}

function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const code = tooLarge ? "REQUEST_HEADERS_TOO_LARGE" : "REQUEST_MALFORMED";
  const message = tooLarge
    ? `the request's headers are larger than ${MAX_HEADER_BYTES} bytes`
    : `the request is not valid HTTP/1.1 (${error.code ?? "unknown"})`;
  sendRawError(socket, code, message);
}
