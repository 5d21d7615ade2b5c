import type { ByteSink } from "../wasi/io/byte-source.ts";
import { Notifier } from "../wasi/io/notifier.ts";

/** The longest line that is kept whole; the rest of a longer one is cut off. */
const MAX_LINE_BYTES = 16 * 1024;

/** Lines and their bytes that an app may print in a second, all instances together; more are dropped and counted. */
const MAX_LINES_PER_SECOND = 1000;
const MAX_BYTES_PER_SECOND = 1024 * 1024;

/** What a guest may print before it lets its neighbours in the cell have a turn. */
const MAX_BYTES_PER_TURN = 64 * 1024;

/** Decides per app whether one more line may be logged: a bucket that refills every second. */
export class LineBudget {
  readonly #now: () => number;
  #windowStart = 0;
  #lines = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** True when a line of so many bytes may pass; false drops it. */
  take(bytes: number): boolean {
    const now = this.#now();
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now;
      this.#lines = 0;
      this.#bytes = 0;
    }
    if (this.#lines >= MAX_LINES_PER_SECOND || this.#bytes + bytes > MAX_BYTES_PER_SECOND) {
      this.#dropped++;
      return false;
    }
    this.#lines++;
    this.#bytes += bytes;
    return true;
  }

  /** Returns how many lines were dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}

/**
 * A sink that splits what a guest prints into lines; it holds at most one line. It takes everything, but only so much
 * at a time: a guest that does nothing but print would otherwise never leave the thread.
 */
export class LineSink implements ByteSink {
  readonly #emit: (line: string) => void;
  readonly #budget: LineBudget;
  readonly #atNextTurn: (callback: () => void) => unknown;
  readonly #changed = new Notifier();
  #room = MAX_BYTES_PER_TURN;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(
    emit: (line: string) => void,
    budget: LineBudget,
    atNextTurn: (callback: () => void) => unknown = setImmediate,
  ) {
    this.#emit = emit;
    this.#budget = budget;
    this.#atNextTurn = atNextTurn;
  }

  capacity(): number {
    return Math.max(0, this.#room);
  }

  write(bytes: Uint8Array): void {
    const hadRoom = this.#room > 0;
    this.#room -= bytes.length; // two streams over this sink may each have been told of the whole room
    if (hadRoom && this.#room <= 0) this.#atNextTurn(this.#makeRoom);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      this.#keep(bytes.subarray(start, end));
      this.end();
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
  }

  flushed(): boolean {
    return true;
  }

  subscribe(wake: () => void): () => void {
    if (this.#room <= 0) return this.#changed.subscribe(wake);
    wake();
    return () => {};
  }

  /** Emits the line begun, if any: at a newline and when the instance ends. */
  end(): void {
    if (this.#pendingBytes === 0) return;
    const line = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#budget.take(line.length)) this.#emit(line.toString("utf8").replace(/\r$/, ""));
  }

  readonly #makeRoom = (): void => {
    this.#room = MAX_BYTES_PER_TURN;
    this.#changed.notify();
  };

  #keep(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, Math.max(0, MAX_LINE_BYTES - this.#pendingBytes));
    if (kept.length === 0) return;
    this.#pending.push(kept);
    this.#pendingBytes += kept.length;
  }
}
