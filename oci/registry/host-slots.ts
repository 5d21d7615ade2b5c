import { WasmletError } from "../../common/errors.ts";

/** Exchanges that may wait for one host; more are a defect of whoever asks. */
const MAX_WAITING = 1024;

interface Slots {
  taken: number;
  waiting: (() => void)[];
}

/** Bounds how many exchanges one host serves us at a time; the rest wait, in order. */
export class HostSlots {
  readonly #maxPerHost: number;
  readonly #hosts = new Map<string, Slots>();

  constructor(maxPerHost: number) {
    this.#maxPerHost = maxPerHost;
  }

  /** Waits for a slot and returns the function that frees it, which may be called again without harm. */
  async take(host: string, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const slots = this.#hosts.get(host) ?? { taken: 0, waiting: [] };
    this.#hosts.set(host, slots);
    if (slots.taken < this.#maxPerHost) slots.taken++;
    else await this.#wait(host, slots, signal);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#pass(host, slots);
    };
  }

  #wait(host: string, slots: Slots, signal: AbortSignal | undefined): Promise<void> {
    if (slots.waiting.length >= MAX_WAITING) {
      throw new WasmletError("OCI_UNREACHABLE", "too many transfers wait for one registry", {
        where: host,
        expected: `at most ${MAX_WAITING}`,
      });
    }
    return new Promise((resolve, reject) => {
      const proceed = (): void => {
        signal?.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = (): void => {
        slots.waiting.splice(slots.waiting.indexOf(proceed), 1);
        reject(signal?.reason);
      };
      slots.waiting.push(proceed);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** A freed slot goes to the one that waits longest. */
  #pass(host: string, slots: Slots): void {
    const next = slots.waiting.shift();
    if (next !== undefined) return next();
    slots.taken--;
    if (slots.taken === 0) this.#hosts.delete(host);
  }
}
