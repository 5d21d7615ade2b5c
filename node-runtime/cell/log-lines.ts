import type { ByteSink } from "../wasi/io/byte-source.ts";

/** The longest line that is kept whole; the rest of a longer one is cut off. */
const MAX_LINE_BYTES = 16 * 1024;

/** Lines an app may print in a second, all instances together; more are dropped and counted. */
const MAX_LINES_PER_SECOND = 1000;

/** Decides per app whether one more line may be logged: a bucket that refills every second. */
export class LineBudget {
  readonly #now: () => number;
  #windowStart = 0;
  #used = 0;
  #dropped = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** True when the line may pass; false drops it. */
  take(): boolean {
    const now = this.#now();
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now;
      this.#used = 0;
    }
    if (this.#used >= MAX_LINES_PER_SECOND) {
      this.#dropped++;
      return false;
    }
    this.#used++;
    return true;
  }

  /** Returns how many lines were dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}

/** A sink that splits what a guest prints into lines; it never waits and holds at most one line. */
export class LineSink implements ByteSink {
  readonly #emit: (line: string) => void;
  readonly #budget: LineBudget;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(emit: (line: string) => void, budget: LineBudget) {
    this.#emit = emit;
    this.#budget = budget;
  }

  capacity(): number {
    return 64 * 1024;
  }

  write(bytes: Uint8Array): void {
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
    wake();
    return () => {};
  }

  /** Emits the line begun, if any: at a newline and when the instance ends. */
  end(): void {
    if (this.#pendingBytes === 0) return;
    const line = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#budget.take()) this.#emit(line.toString("utf8").replace(/\r$/, ""));
  }

  #keep(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, Math.max(0, MAX_LINE_BYTES - this.#pendingBytes));
    if (kept.length === 0) return;
    this.#pending.push(kept);
    this.#pendingBytes += kept.length;
  }
}
