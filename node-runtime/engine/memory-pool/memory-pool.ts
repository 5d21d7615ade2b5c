import { WASM_PAGE_BYTES } from "../module-sections.ts";

/** What a guest's memory must be. */
export interface MemoryNeed {
  minPages: number;
  /** The maximum that it can grow to: exactly this, since it is the guest's limit. */
  maxPages: number;
  /** Whether a memory that is already larger than `minPages` serves too: with logical growth it does. */
  allowLarger: boolean;
}

/** How much the pool keeps, and for how long. */
export interface MemoryPoolLimits {
  /** Idle memories; each takes 8 GiB of address space, of which a process has room for 16,000. */
  maxIdle: number;
  maxIdleBytes: number;
  /** A larger memory is not kept: filling it costs more than making another. */
  maxKeptBytes: number;
  /** How long a memory may lie idle before `trim` drops it. */
  idleMs: number;
}

/** What the pool has done and holds, for metrics. */
export interface MemoryPoolStats {
  idle: number;
  idleBytes: number;
  lent: number;
  made: number;
  reused: number;
  /** Dropped because of a limit of the pool. */
  evicted: number;
  /** Dropped because nobody asked for them. */
  trimmed: number;
  scrubbedBytes: number;
}

interface Idle {
  memory: WebAssembly.Memory;
  pages: number;
  maxPages: number;
  sinceMs: number;
}

/** Making a memory on a request's path takes milliseconds at p99: so those that were used are kept, filled with zeros. */
export class MemoryPool {
  readonly #limits: MemoryPoolLimits;
  readonly #nowMs: () => number;
  /** By maximum; within it, those released last come last. */
  readonly #idle = new Map<number, Idle[]>();
  readonly #lent = new Map<WebAssembly.Memory, number>();
  readonly #stats = { idle: 0, idleBytes: 0, made: 0, reused: 0, evicted: 0, trimmed: 0, scrubbedBytes: 0 };

  constructor(limits: MemoryPoolLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Lends a memory that holds nothing but zeros. Throws RangeError when the process can have no more. */
  acquire({ minPages, maxPages, allowLarger }: MemoryNeed): WebAssembly.Memory {
    const fits = ({ pages }: Idle): boolean => (allowLarger ? pages >= minPages : pages === minPages);
    const index = this.#idle.get(maxPages)?.findLastIndex(fits) ?? -1;
    const known = index < 0 ? undefined : this.#take(maxPages, index);
    this.#stats[known === undefined ? "made" : "reused"]++;
    const memory = known?.memory ?? new WebAssembly.Memory({ initial: minPages, maximum: maxPages });
    this.#lent.set(memory, maxPages);
    return memory;
  }

  /**
   * Takes a lent memory back, fills it with zeros and keeps it within the limits. No instance may run on it any more.
   * Throws TypeError on a memory that is not lent: released twice, it would get two owners.
   */
  release(memory: WebAssembly.Memory): void {
    const maxPages = this.#lent.get(memory);
    if (maxPages === undefined) throw new TypeError("the memory is not lent by this pool");
    this.#lent.delete(memory);
    const bytes = memory.buffer.byteLength;
    const { maxIdle, maxIdleBytes, maxKeptBytes } = this.#limits;
    if (bytes > maxKeptBytes || bytes > maxIdleBytes || maxIdle === 0) {
      this.#stats.evicted++;
      return;
    }
    while (this.#stats.idle >= maxIdle || this.#stats.idleBytes + bytes > maxIdleBytes) this.#evictOldest();
    new Uint8Array(memory.buffer).fill(0);
    this.#stats.scrubbedBytes += bytes;
    const bucket = this.#idle.get(maxPages) ?? [];
    bucket.push({ memory, pages: bytes / WASM_PAGE_BYTES, maxPages, sinceMs: this.#nowMs() });
    this.#idle.set(maxPages, bucket);
    this.#stats.idle++;
    this.#stats.idleBytes += bytes;
  }

  /** Drops what nobody asked for since `idleMs`. */
  trim(): void {
    const before = this.#nowMs() - this.#limits.idleMs;
    for (const [maxPages, bucket] of this.#idle) {
      while (bucket[0] !== undefined && bucket[0].sinceMs <= before) {
        this.#take(maxPages, 0);
        this.#stats.trimmed++;
      }
    }
  }

  /** What it holds and has done until now. */
  stats(): MemoryPoolStats {
    return { ...this.#stats, lent: this.#lent.size };
  }

  #take(maxPages: number, index: number): Idle {
    const bucket = this.#idle.get(maxPages)!;
    const [taken] = bucket.splice(index, 1);
    if (bucket.length === 0) this.#idle.delete(maxPages);
    this.#stats.idle--;
    this.#stats.idleBytes -= taken!.pages * WASM_PAGE_BYTES;
    return taken!;
  }

  #evictOldest(): void {
    let oldest: Idle | undefined;
    for (const [first] of this.#idle.values()) {
      if (oldest === undefined || first!.sinceMs < oldest.sinceMs) oldest = first;
    }
    this.#take(oldest!.maxPages, 0);
    this.#stats.evicted++;
  }
}
