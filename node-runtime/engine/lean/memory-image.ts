/** Pieces that are not zero are found at this granularity. */
const BLOCK_BYTES = 4096;

/** What a memory held when its program was pristine: most of it zero, a stack and a heap to come. */
export class MemoryImage {
  readonly #pieces: { offset: number; bytes: Uint8Array }[];

  private constructor(pieces: { offset: number; bytes: Uint8Array }[]) {
    this.#pieces = pieces;
  }

  /** Returns what the memory holds now. */
  static of(memory: WebAssembly.Memory): MemoryImage {
    const all = new Uint8Array(memory.buffer);
    const pieces: { offset: number; bytes: Uint8Array }[] = [];
    for (let offset = 0; offset < all.length; offset += BLOCK_BYTES) {
      const block = all.subarray(offset, offset + BLOCK_BYTES);
      if (block.every((byte) => byte === 0)) continue;
      const last = pieces.at(-1);
      if (last !== undefined && last.offset + last.bytes.length === offset) {
        last.bytes = all.slice(last.offset, offset + block.length);
      } else {
        pieces.push({ offset, bytes: block.slice() });
      }
    }
    return new MemoryImage(pieces);
  }

  /** Writes it back over the whole memory, which may have grown: what it does not have is zero. */
  restore(memory: WebAssembly.Memory): void {
    const all = new Uint8Array(memory.buffer);
    let end = 0;
    for (const { offset, bytes } of this.#pieces) {
      all.fill(0, end, offset);
      all.set(bytes, offset);
      end = offset + bytes.length;
    }
    all.fill(0, end);
  }
}
