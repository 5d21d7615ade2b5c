/**
 * Brings an instance of a rewritten module back to the state that it had after instantiation and start.
 *
 * The state is its memory, its mutable globals and those of its tables that may change (prepare/rewrite exports them).
 * What grew physically cannot shrink: then the instance must be dropped.
 */

import type { WrittenPages } from "./write-marks.ts";

/** The exports that hold an instance's state, as the rewriting names them. */
export interface StateNames {
  globals: readonly string[];
  tables: readonly string[];
}

/** Bytes that were not zero, where they lay. */
interface Run {
  offset: number;
  bytes: Buffer;
}

/** What the memory of a pristine instance holds, the same for all instances of its module; in order. */
export type MemoryImage = readonly Run[];

/** How an instance's state is captured. */
export interface CaptureOptions {
  /** The memory's size is among the globals, so that growth can be undone. */
  sizeIsLogical?: boolean;
  /** The image that another instance of the module has: finding out costs more than making an instance. */
  image?: MemoryImage | undefined;
}

/** Zeros shorter than this are kept within a run: a copy has a fixed cost of about as much. */
const RUN_GRANULE_BYTES = 1024;

/** Tables with more slots than this, together, take longer to restore than a new instance. */
const MAX_TABLE_SLOTS = 256;

/** The first state of one instance. Restoring it allocates nothing. */
export class InstanceState {
  readonly #memory: WebAssembly.Memory | undefined;
  readonly #memoryBytes: number;
  readonly image: MemoryImage;
  readonly #globals: ReadonlyArray<readonly [WebAssembly.Global, unknown]>;
  readonly #tables: ReadonlyArray<readonly [WebAssembly.Table, readonly unknown[]]>;
  readonly #sizeIsLogical: boolean;
  #view: Uint8Array;

  private constructor(
    exports: WebAssembly.Instance["exports"],
    memory: WebAssembly.Memory | undefined,
    names: StateNames,
    { sizeIsLogical = false, image }: CaptureOptions,
  ) {
    this.#memory = memory;
    this.#view = new Uint8Array(memory?.buffer ?? new ArrayBuffer(0));
    this.#memoryBytes = this.#view.length;
    this.image = image ?? findRuns(this.#view);
    this.#sizeIsLogical = sizeIsLogical;
    this.#globals = names.globals.map((name) => {
      const global = exports[name] as WebAssembly.Global;
      return [global, global.value];
    });
    this.#tables = names.tables.map((name) => {
      const table = exports[name] as WebAssembly.Table;
      return [table, Array.from({ length: table.length }, (_, slot) => table.get(slot))];
    });
  }

  /**
   * Captures the state of an instance that has not run yet but for its start function; undefined when its tables are too
   * large to restore.
   */
  static capture(
    exports: WebAssembly.Instance["exports"],
    memory: WebAssembly.Memory | undefined,
    names: StateNames,
    options: CaptureOptions = {},
  ): InstanceState | undefined {
    const slots = names.tables.reduce((sum, name) => sum + (exports[name] as WebAssembly.Table).length, 0);
    return slots > MAX_TABLE_SLOTS ? undefined : new InstanceState(exports, memory, names, options);
  }

  /**
   * Restores all of it; returns false, having changed nothing, when the instance has grown and must be dropped. Without
   * `written`, the memory may have been written to anywhere, beyond its logical size too.
   */
  restore(written?: WrittenPages): boolean {
    const memory = this.#memory;
    // A memory that grew has a new buffer, and the old view has no bytes.
    if (memory !== undefined && this.#view.buffer !== memory.buffer) this.#view = new Uint8Array(memory.buffer);
    if (this.#view.length !== this.#memoryBytes && !this.#sizeIsLogical) return false;
    for (const [table, slots] of this.#tables) if (table.length !== slots.length) return false;
    if (written === undefined) this.#restoreBytes(0, this.#view.length);
    else if (memory !== undefined) written.forEachRange(this.#restoreBytes);
    for (const [global, value] of this.#globals) global.value = value;
    for (const [table, slots] of this.#tables) {
      for (let slot = 0; slot < slots.length; slot++) table.set(slot, slots[slot]);
    }
    return true;
  }

  readonly #restoreBytes = (from: number, to: number): void => {
    const end = Math.min(to, this.#view.length);
    let done = from;
    for (let index = firstRunBehind(this.image, from); done < end; index++) {
      const run = this.image[index];
      const start = run === undefined ? end : Math.min(Math.max(run.offset, from), end);
      if (start > done) this.#view.fill(0, done, start);
      if (run === undefined || start === end) return;
      done = Math.min(run.offset + run.bytes.length, end);
      run.bytes.copy(this.#view, start, start - run.offset, done - run.offset);
    }
  };
}

/** Returns the index of the first run that ends behind `offset`. */
function firstRunBehind(image: MemoryImage, offset: number): number {
  let [low, high] = [0, image.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { offset: start, bytes } = image[middle]!;
    if (start + bytes.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function findRuns(view: Uint8Array): Run[] {
  const runs: Run[] = [];
  let start = -1;
  for (let offset = 0; offset <= view.length; offset += RUN_GRANULE_BYTES) {
    const isEmpty = offset === view.length || isZero(view, offset);
    if (!isEmpty && start < 0) start = offset;
    if (isEmpty && start >= 0) {
      runs.push({ offset: start, bytes: Buffer.from(view.subarray(start, offset)) });
      start = -1;
    }
  }
  return runs;
}

function isZero(view: Uint8Array, offset: number): boolean {
  const words = new BigUint64Array(view.buffer, offset, RUN_GRANULE_BYTES / 8);
  return words.every((word) => word === 0n);
}
