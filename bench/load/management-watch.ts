import { setTimeout as delay } from "node:timers/promises";

const PATHS = ["/healthz", "/metrics"];
const INTERVAL_MS = 100;
/** What takes longer than a prober waits has failed. */
const TIMEOUT_MS = 1000;

/** Asks a runtime's management port for its health and metrics again and again, as a kubelet and Prometheus do. */
export class ManagementWatch {
  readonly latenciesMicros: number[] = [];
  /** Answers other than 200, and those that did not come in time. */
  failures = 0;
  readonly #over = new AbortController();
  readonly #asking: Promise<void>;

  constructor(managementUrl: string) {
    this.#asking = this.#run(managementUrl);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#asking;
  }

  async #run(managementUrl: string): Promise<void> {
    for (let index = 0; !this.#over.signal.aborted; index++) {
      await this.#ask(new URL(PATHS[index % PATHS.length]!, managementUrl));
      await delay(INTERVAL_MS);
    }
  }

  async #ask(url: URL): Promise<void> {
    const begin = performance.now();
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      await response.text();
      if (!response.ok) this.failures++;
      this.latenciesMicros.push(Math.round((performance.now() - begin) * 1000));
    } catch {
      this.failures++;
    }
  }
}
