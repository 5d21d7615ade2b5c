/** Counts the linear memory of one instance: every memory that its core instances export or share. */
export class MemoryCensus {
  readonly #memories = new Set<WebAssembly.Memory>();

  /** Remembers the memories among an instance's exports. */
  note(instance: WebAssembly.Instance): WebAssembly.Instance {
    for (const value of Object.values(instance.exports)) {
      if (value instanceof WebAssembly.Memory) this.#memories.add(value);
    }
    return instance;
  }

  /** Bytes of all of them now. */
  bytes(): number {
    let sum = 0;
    for (const memory of this.#memories) sum += memory.buffer.byteLength;
    return sum;
  }
}
