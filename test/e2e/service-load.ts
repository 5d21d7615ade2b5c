import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** How a load went. */
export interface LoadResult {
  answered: number;
  /** What went wrong, the first ones in words. */
  failed: number;
  reasons: string[];
}

const MAX_REASONS = 5;
const TIMEOUT_MS = 10_000;

/** Requests to one address, some at a time, each over a connection of its own, with pauses or without, until they are stopped. */
export class ServiceLoad {
  readonly #url: string;
  readonly #pauseMs: number;
  readonly #workers: Promise<void>[];
  readonly #result: LoadResult = { answered: 0, failed: 0, reasons: [] };
  #isStopped = false;

  constructor(url: string, concurrency = 4, pauseMs = 0) {
    this.#url = url;
    this.#pauseMs = pauseMs;
    this.#workers = Array.from({ length: concurrency }, () => this.#run());
  }

  get answered(): number {
    return this.#result.answered;
  }

  /** Ends after the requests that are under way. */
  async stop(): Promise<LoadResult> {
    this.#isStopped = true;
    await Promise.all(this.#workers);
    return this.#result;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#pauseMs > 0) await delay(this.#pauseMs);
      const problem = await ask(this.#url);
      if (problem === undefined) this.#result.answered++;
      else {
        this.#result.failed++;
        if (this.#result.reasons.length < MAX_REASONS)
          this.#result.reasons.push(`${new Date().toISOString()} ${problem}`);
      }
    }
  }
}

/** Asks once; returns what was wrong with the answer, nothing where it is 200. */
export function ask(url: string, timeoutMs = TIMEOUT_MS, connectMs = timeoutMs): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      response.once("end", () =>
        resolve(response.statusCode === 200 ? undefined : `HTTP status ${response.statusCode}`),
      );
      response.once("error", (error) => resolve(String(error)));
    });
    const tooLate = setTimeout(() => asked.destroy(new Error("no connection in time")), connectMs);
    asked.once("socket", (socket) => socket.once("connect", () => clearTimeout(tooLate)));
    asked.once("close", () => clearTimeout(tooLate));
    asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.once("error", (error) => resolve(String(error)));
    asked.end();
  });
}
