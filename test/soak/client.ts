import { Agent, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Account } from "./account.ts";
import type { SoakApp } from "./apps.ts";

/** The pause between two requests of a client. */
const PAUSE_MS = 10;
/** An answer that takes longer will not come: no app of a soak may take so long. */
const TIMEOUT_MS = 60_000;

/** A client that sends one request after another: over one connection as long as that lasts, or over a new one for each. */
export class Client {
  readonly #app: SoakApp;
  readonly #account: Account;
  readonly #agent: Agent;
  readonly #over = new AbortController();
  readonly #sending: Promise<void>;
  /** When its connection was begun. */
  readonly #begun = new WeakMap<Socket, number>();

  constructor(app: SoakApp, url: string, account: Account, keepAlive: boolean) {
    this.#app = app;
    this.#account = account;
    this.#agent = new Agent({ keepAlive, maxSockets: 1 });
    this.#sending = this.#run(url);
  }

  /** Resolves once the request that is under way is over; no other is sent. */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#sending;
    this.#agent.destroy();
  }

  async #run(url: string): Promise<void> {
    for (let index = 0; !this.#over.signal.aborted; index++) {
      const { paths } = this.#app;
      await this.#ask(new URL(paths[index % paths.length]!, url));
      await delay(this.#app.pauseMs ?? PAUSE_MS);
    }
  }

  #ask(url: URL): Promise<void> {
    this.#account.sent++;
    const sentMs = performance.now();
    let socket: Socket | undefined;
    return new Promise((resolve) => {
      let isOver = false;
      const fail = (error: NodeJS.ErrnoException): void => {
        if (isOver) return;
        isOver = true;
        const beganMs = (socket && this.#begun.get(socket)) ?? sentMs;
        this.#account.fail({
          app: this.#app.name,
          localPort: (socket && localPortOf(socket)) ?? 0,
          beganMs,
          failedMs: performance.now(),
          why: error.code ?? error.message,
        });
        resolve();
      };
      const request = httpRequest(url, { agent: this.#agent, timeout: TIMEOUT_MS }, (response) => {
        response.on("error", fail);
        response.on("end", () => {
          if (isOver) return;
          isOver = true;
          const error = String(response.headers["x-wasmlet-error"] ?? "");
          this.#account.answer(this.#app.name, response.statusCode ?? 0, this.#app.statuses, error);
          resolve();
        });
        response.resume();
      });
      request.on("socket", (given) => {
        socket = given;
        if (!this.#begun.has(given)) this.#begun.set(given, sentMs);
        if (given.connecting) given.once("connect", () => rememberPort(given));
        else rememberPort(given);
      });
      request.on("timeout", () => request.destroy(new Error("no answer in time")));
      request.on("error", fail);
      request.end();
    });
  }
}

/** A socket that has ended does not know its port any more. */
const ports = new WeakMap<Socket, number>();

function rememberPort(socket: Socket): void {
  if (socket.localPort !== undefined) ports.set(socket, socket.localPort);
}

function localPortOf(socket: Socket): number | undefined {
  return ports.get(socket);
}
