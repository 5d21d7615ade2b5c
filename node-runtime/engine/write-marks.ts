/**
 * Which pages of their memory guests wrote to, so that a reset touches nothing else.
 *
 * Modules rewritten for it (prepare/rewrite/write-marks.ts) mark the page of each store in a memory of the process, one
 * byte a page, as one guest runs at a time. The marks belong to the instance that runs: one that takes over has those of
 * the one before moved to that one's own set.
 *
 *   take(A) ── A's stores ── take(B): the marks move to A's set ── B's stores ── take(A): they move to B's ── …
 *
 * Pages are counted without telling memories apart: an instance with several of them has the page reset in each.
 */

/** Bytes of a page, as a shift: small enough to pay off, large enough for few marks. */
export const PAGE_SHIFT = 12;
const PAGE_BYTES = 1 << PAGE_SHIFT;

/**
 * A mark stands for this many bytes before and behind its page as well: a store may begin on a marked page and end on the
 * next, and stores close to one that is marked need no mark of their own.
 */
export const SLACK_BYTES = 256;

/** The size of the memory of marks in wasm pages: a byte for each page of 4 GiB. */
export const WRITES_PAGES = 2 ** (32 - PAGE_SHIFT - 16);

/** The marks of the guest that runs. */
export const WRITES_MEMORY = new WebAssembly.Memory({ initial: WRITES_PAGES, maximum: WRITES_PAGES });

const marks = new Uint8Array(WRITES_MEMORY.buffer);
const markWords = new Int32Array(WRITES_MEMORY.buffer);

/** The pages that one instance wrote to since its memory was pristine. */
export class WrittenPages {
  /** Whose marks stand in the memory. */
  static #owner: WrittenPages | undefined;
  readonly #memories: WebAssembly.Memory[] = [];
  /** A byte for each page, as in the marks. */
  #words = new Int32Array(0);

  /** Whoever ran last is not kept in memory for its marks' sake any more; for when no guest runs. */
  static leave(): void {
    const owner = WrittenPages.#owner;
    if (owner !== undefined) owner.#harvest();
    WrittenPages.#owner = undefined;
  }

  /** Counts the pages of this memory too; before anything is written to it. */
  watch(memory: WebAssembly.Memory): void {
    this.#memories.push(memory);
  }

  /** The instance runs from here on: whatever is marked, it wrote. */
  take(): void {
    if (WrittenPages.#owner === this) return;
    WrittenPages.leave();
    WrittenPages.#owner = this;
  }

  /** The host wrote `size` bytes there on behalf of the instance, which must be the one that runs. */
  mark(start: number, size: number): void {
    if (size === 0) return;
    const [first, last] = [start >>> PAGE_SHIFT, (start + size - 1) >>> PAGE_SHIFT];
    marks[first] = 1;
    marks[last] = 1;
    if (last - first > 1) marks.fill(1, first, last);
  }

  /** Calls back for each range of bytes that may have changed, in order, none touching the next. */
  forEachRange(reset: (from: number, to: number) => void): void {
    if (WrittenPages.#owner === this) this.#harvest();
    let [from, to] = [0, 0];
    const bytes = new Uint8Array(this.#words.buffer);
    for (let word = 0; word < this.#words.length; word++) {
      if (this.#words[word] === 0) continue;
      for (let page = word * 4; page < word * 4 + 4; page++) {
        if (bytes[page] === 0) continue;
        const start = Math.max(0, page * PAGE_BYTES - SLACK_BYTES);
        if (start > to) {
          if (to > 0) reset(from, to);
          from = start;
        }
        to = (page + 1) * PAGE_BYTES + SLACK_BYTES;
      }
    }
    if (to > 0) reset(from, to);
  }

  /** The memory is pristine again. */
  clear(): void {
    this.#words.fill(0);
  }

  /** Moves the marks to the own set. Marks beyond its memory are of stores that trapped. */
  #harvest(): void {
    let bytes = 0;
    for (const { buffer } of this.#memories) bytes = Math.max(bytes, buffer.byteLength);
    const count = bytes / PAGE_BYTES / 4;
    if (this.#words.length < count) {
      const grown = new Int32Array(count);
      grown.set(this.#words);
      this.#words = grown;
    }
    for (let word = 0; word < count; word++) {
      const value = markWords[word]!;
      if (value === 0) continue;
      this.#words[word]! |= value;
      markWords[word] = 0;
    }
  }
}
