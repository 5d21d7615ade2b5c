import { setTimeout as delay } from "node:timers/promises";
import { HttpConnection } from "../../startup/http-connection.ts";

/** What a bystander's clients saw in a time. */
export interface BystanderView {
  latenciesMs: number[];
  failures: string[];
}

/** The pause between two requests of a client: all of them together leave most of the thread to others. */
const PAUSE_MS = 4;

/** Clients of apps that have done nothing: each sends one request after another on a connection of its own. */
export class Bystanders {
  readonly #over = new AbortController();
  readonly #clients: Promise<void>[];
  #view: BystanderView = { latenciesMs: [], failures: [] };
  #waiting: { sinceMs: number; resolve: (atMs: number) => void }[] = [];

  constructor(urls: readonly string[]) {
    this.#clients = urls.map((url) => this.#run(url));
  }

  /** Returns what was seen since the last call. */
  take(): BystanderView {
    const view = this.#view;
    this.#view = { latenciesMs: [], failures: [] };
    return view;
  }

  /** Resolves to when a request was answered that was sent after this call: the cell's thread is to be had. */
  untilServed(): Promise<number> {
    return new Promise((resolve) => this.#waiting.push({ sinceMs: performance.now(), resolve }));
  }

  /** Ends the clients, each after the request that it waits for. */
  async stop(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#clients);
  }

  async #run(url: string): Promise<void> {
    let connection: HttpConnection | undefined;
    while (!this.#over.signal.aborted) {
      const beginMs = performance.now();
      try {
        connection ??= await HttpConnection.open(url);
        await connection.get();
        this.#served(beginMs);
      } catch (thrown) {
        this.#view.failures.push(`${url}: ${String(thrown)}`);
        connection?.close();
        connection = undefined;
      }
      await delay(PAUSE_MS);
    }
    connection?.close();
  }

  #served(beginMs: number): void {
    const nowMs = performance.now();
    this.#view.latenciesMs.push(nowMs - beginMs);
    this.#waiting = this.#waiting.filter(({ sinceMs, resolve }) => {
      if (beginMs < sinceMs) return true;
      resolve(nowMs);
      return false;
    });
  }
}
