import { messageOf, WasmletError } from "../../common/errors.ts";
import type { Guest, LiveInstance } from "./guest.ts";
import { TimeSlice } from "./time-slice.ts";

/** Requests that may wait for an instance, as a multiple of the concurrency limit; more are refused. */
const QUEUE_FACTOR = 4;
/** The longest message of a failed start that is reported. */
const MAX_MESSAGE_LENGTH = 4096;

/** An instance for one request, and whether the app had to be woken for it. */
export interface Lease {
  live: LiveInstance;
  start: "cold" | "warm";
}

/**
 * Hands out instances of one app. Reuse `Request`: each request gets a pristine one, made ahead of it when possible.
 * Reuse `Instance`: instances are kept and serve one request after another.
 */
export class InstancePool {
  readonly #guest: Guest;
  #ready: LiveInstance[] = [];
  #inUse = 0;
  /** Called with the slot of a request that is over, in this order. */
  readonly #waiting = new Set<() => void>();
  readonly #slice = new TimeSlice();
  #making = false;
  #closed = false;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** Requests that have an instance now. */
  get inUse(): number {
    return this.#inUse;
  }

  /**
   * Resolves to an instance; throws REQUEST_OVERLOADED when concurrency and queue are full. `giveUp` is asked for only by
   * a request that must queue, which leaves the queue, and throws the reason, when it aborts.
   */
  async acquire(giveUp: () => AbortSignal): Promise<Lease> {
    const { concurrency } = this.#guest.app;
    if (this.#inUse >= concurrency) await this.#queue(concurrency * QUEUE_FACTOR, giveUp);
    else this.#inUse++;
    const pause = this.#slice.pass();
    if (pause !== undefined) await pause;
    const ready = this.#takeReady();
    if (ready !== undefined) return { live: ready, start: "warm" };
    const start = this.#guest.isAwake ? "warm" : "cold";
    try {
      return { live: await this.#guest.instantiate(), start };
    } catch (thrown) {
      const code = thrown instanceof WasmletError ? thrown.code : "GUEST_START_TRAPPED";
      this.#guest.stats.startFailed({ code, message: messageOf(thrown).slice(0, MAX_MESSAGE_LENGTH) });
      this.#free();
      throw thrown;
    }
  }

  /** Gives an instance back; `reusable` is false after a trap, a timeout or an abort. */
  release(live: LiveInstance, reusable: boolean): void {
    live.calls++;
    const isSpent = live.calls >= (live.instance.maxCalls ?? Infinity);
    const keep = reusable && !isSpent && this.#guest.app.reuse === "Instance" && !this.#closed;
    if (keep) this.#ready.push(live);
    else live.dispose("the request is over");
    this.#free();
    if (this.#guest.app.reuse === "Request") this.#makeAhead();
  }

  /** Scale to zero: ends the instances that stand ready and forgets the program. */
  trim(): void {
    for (const live of this.#ready.splice(0)) live.dispose("scaled to zero");
    this.#guest.release();
  }

  /** Ends what stands ready and refuses to keep more; instances in use end with their requests. */
  close(): void {
    this.#closed = true;
    this.trim();
  }

  /** An instance that stands ready; one whose background task trapped since its last request does not. */
  #takeReady(): LiveInstance | undefined {
    for (let live = this.#ready.pop(); live !== undefined; live = this.#ready.pop()) {
      if (!live.host.scope.closed) return live;
      live.dispose();
    }
    return undefined;
  }

  #queue(maxWaiting: number, giveUp: () => AbortSignal): Promise<void> {
    if (this.#waiting.size >= maxWaiting) {
      this.#guest.stats.limitHit("concurrency");
      throw new WasmletError("REQUEST_OVERLOADED", "the app's concurrency limit and its queue are full");
    }
    const signal = giveUp();
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter);
        reject(signal.reason as Error);
      };
      const enter = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      this.#waiting.add(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** The freed slot goes to the request that waited longest, which keeps `inUse` as it is. */
  #free(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#inUse--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  /** Makes one instance in an idle moment, so that the next request finds it ready. */
  #makeAhead(): void {
    if (this.#making || this.#closed || this.#ready.length > 0 || this.#inUse > 0) return;
    this.#making = true;
    setImmediate(() => {
      if (this.#closed || !this.#guest.isAwake || this.#inUse > 0) {
        this.#making = false;
        return;
      }
      this.#guest
        .instantiate()
        .then((live) => (this.#closed ? live.dispose() : void this.#ready.push(live)))
        .catch(() => {}) // the next request makes its own and reports why it fails
        .finally(() => (this.#making = false));
    });
  }
}
