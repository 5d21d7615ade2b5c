import { messageOf, WasmletError } from "../../common/errors.ts";
import type { Guest, LiveInstance } from "./guest.ts";
import { Places } from "./places.ts";
import { TimeSlice } from "./time-slice.ts";

/** The longest message of a failed start that is reported. */
const MAX_MESSAGE_LENGTH = 4096;

/** An instance for one request, and whether the app had to be woken for it. */
export interface Lease {
  live: LiveInstance;
  start: "cold" | "warm";
}

/** A request that wants an instance. Either function is called once, maybe within `acquire`. */
export interface Taker {
  /** It has the instance, which it must give back. */
  take(lease: Lease): void;
  /** It gets none. */
  refuse(thrown: unknown): void;
}

/**
 * Hands out instances of one program. Reuse `Request`: each request gets a pristine one, made ahead of it when possible.
 * Reuse `Instance`: instances are kept and serve one request after another.
 */
export class InstancePool {
  readonly #guest: Guest;
  /** How many requests of the app may have an instance, this program's or another's. */
  readonly #places: Places;
  #ready: LiveInstance[] = [];
  #inUse = 0;
  /** Those for whom there is no place. */
  readonly #waiting = new Set<Taker>();
  /** Those who have a place and whose instance is being made. */
  readonly #promised = new Set<Taker>();
  readonly #slice = new TimeSlice();
  #making = false;
  /** How often it was scaled to zero. */
  #trims = 0;
  #closed = false;

  constructor(guest: Guest, places = new Places(guest.app.concurrency)) {
    this.#guest = guest;
    this.#places = places;
  }

  /** Requests that have an instance now, or a place for one. */
  get inUse(): number {
    return this.#inUse;
  }

  /** Gives the taker an instance, now or later; refuses with REQUEST_OVERLOADED when concurrency and queue are full. */
  acquire(taker: Taker): void {
    if (this.#places.take()) {
      this.#inUse++;
      return this.#admit(taker);
    }
    if (this.#places.wait(taker, () => this.#promise(taker))) return void this.#waiting.add(taker);
    this.#guest.stats.limitHit("concurrency");
    taker.refuse(new WasmletError("REQUEST_OVERLOADED", "the app's concurrency limit and its queue are full"));
  }

  /** The taker wants no instance any more; nothing of it is called then. */
  leave(taker: Taker): void {
    this.#places.leave(taker);
    this.#waiting.delete(taker);
    this.#promised.delete(taker);
    if (this.#guest.stats.cpu.longRuns.leave(taker)) this.#free();
    this.#closeWhenOver();
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
    this.#trims++;
    this.#endReady("scaled to zero");
    this.#guest.release();
  }

  /**
   * Ends what stands ready and refuses to keep more; instances in use end with their requests. Requests that wait still
   * get one each: the program stays until the last of them is over.
   */
  close(): void {
    this.#closed = true;
    this.#endReady("the app was replaced or removed");
    this.#closeWhenOver();
  }

  #closeWhenOver(): void {
    if (this.#closed && this.#inUse === 0 && this.#waiting.size === 0) this.#guest.close();
  }

  #endReady(why: string): void {
    for (const live of this.#ready.splice(0)) live.dispose(why);
  }

  /** The taker has a place: it gets its instance as soon as the thread may be had for it. */
  #admit(taker: Taker): void {
    const { longRuns } = this.#guest.stats.cpu;
    if (longRuns.pass(taker, () => this.#enter(taker))) this.#enter(taker);
  }

  #enter(taker: Taker): void {
    const pause = this.#slice.pass();
    if (pause === undefined) return this.#provide(taker);
    this.#promised.add(taker);
    void pause.then(() => this.#keepPromise(taker, () => this.#provide(taker)));
  }

  /** Goes on for a taker that is still there; the place of one that left is free. */
  #keepPromise(taker: Taker, goOn: () => void, abandon = () => this.#free()): void {
    if (this.#promised.delete(taker)) goOn();
    else abandon();
  }

  #provide(taker: Taker): void {
    const ready = this.#takeReady();
    if (ready !== undefined) return taker.take({ live: ready, start: "warm" });
    const start = this.#guest.isAwake ? "warm" : "cold";
    let made: LiveInstance | Promise<LiveInstance>;
    try {
      made = this.#guest.instantiate();
    } catch (thrown) {
      return this.#failed(taker, thrown);
    }
    if (!(made instanceof Promise)) return taker.take({ live: made, start });
    this.#promised.add(taker);
    made.then(
      (live) =>
        this.#keepPromise(
          taker,
          () => taker.take({ live, start }),
          () => this.release(live, false),
        ),
      (thrown: unknown) => this.#keepPromise(taker, () => this.#failed(taker, thrown)),
    );
  }

  /** Reports why an instance could not be made. */
  #failed(taker: Taker, thrown: unknown): void {
    const code = thrown instanceof WasmletError ? thrown.code : "GUEST_START_TRAPPED";
    this.#guest.stats.startFailed({ code, message: messageOf(thrown).slice(0, MAX_MESSAGE_LENGTH) });
    this.#free();
    taker.refuse(thrown);
  }

  /** An instance that stands ready; one whose background task trapped since its last request does not. */
  #takeReady(): LiveInstance | undefined {
    for (let live = this.#ready.pop(); live !== undefined; live = this.#ready.pop()) {
      if (!live.host.scope.closed) return live;
      live.dispose();
    }
    return undefined;
  }

  /** The place goes to the request that waited longest, which may be this pool's. */
  #free(): void {
    this.#places.free();
    this.#inUse--;
    this.#closeWhenOver();
  }

  /** One who waited has a place. */
  #promise(taker: Taker): void {
    this.#waiting.delete(taker);
    this.#inUse++;
    this.#promised.add(taker);
    // Not at once: whoever frees the place is still at work.
    queueMicrotask(() => this.#keepPromise(taker, () => this.#admit(taker)));
  }

  /** Makes one instance in an idle moment, so that the next request finds it ready. */
  #makeAhead(): void {
    if (this.#making || this.#closed || this.#ready.length > 0 || this.#inUse > 0) return;
    this.#making = true;
    setImmediate(() => void this.#makeReady().finally(() => (this.#making = false)));
  }

  async #makeReady(): Promise<void> {
    if (this.#closed || !this.#guest.isAwake || this.#inUse > 0) return;
    const trims = this.#trims;
    try {
      const live = await this.#guest.instantiate();
      if (!this.#closed && trims === this.#trims) return void this.#ready.push(live);
      // Scaled to zero meanwhile: nobody would end it.
      live.dispose();
      if (!this.#closed && this.#inUse === 0) this.#guest.release();
    } catch {
      // The next request makes its own and reports why it fails.
    }
  }
}
