import { messageOf } from "../../common/errors.ts";
import type { Timing } from "../../common/timing.ts";

export interface ApiContactOptions {
  /** Resolves when the API server answers. */
  probe: (signal: AbortSignal) => Promise<unknown>;
  /** Told once per change; `problem` says why it is away. */
  onChange: (isConnected: boolean, problem: string) => void;
  timing: Timing;
}

const PROBE_MS = 2000;

/** Whether the API server answers: after a failure it is asked until it does. */
export class ApiContact {
  readonly #options: ApiContactOptions;
  readonly #stopping = new AbortController();
  #isConnected: boolean | undefined;
  #isProbing = false;

  constructor(options: ApiContactOptions) {
    this.#options = options;
  }

  /** Notes that it answered. */
  answered(): void {
    this.#set(true, "");
  }

  /** Notes that a request failed in a way that may mean that it is away. */
  failed(thrown: unknown): void {
    if (this.#isProbing) return;
    this.#isProbing = true;
    void this.#probe(thrown);
  }

  stop(): void {
    this.#stopping.abort(new Error("it stops"));
  }

  async #probe(first: unknown): Promise<void> {
    const { probe, timing } = this.#options;
    const { signal } = this.#stopping;
    let problem = messageOf(first);
    while (!signal.aborted) {
      try {
        await probe(signal);
        this.#set(true, "");
        break;
      } catch (thrown) {
        if (signal.aborted) return;
        problem = messageOf(thrown);
        this.#set(false, problem);
        await timing.delay(PROBE_MS, signal).catch(() => {});
      }
    }
    this.#isProbing = false;
  }

  #set(isConnected: boolean, problem: string): void {
    if (this.#isConnected === isConnected || this.#stopping.signal.aborted) return;
    this.#isConnected = isConnected;
    this.#options.onChange(isConnected, problem);
  }
}
