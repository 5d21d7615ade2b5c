import { WasmletError } from "../../common/errors.ts";

/** Counts the linear memory of one instance: every memory that its core instances export or share. */
export class MemoryCensus {
  readonly #memories = new Set<WebAssembly.Memory>();
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Remembers the memories among an instance's exports; throws ARTIFACT_MEMORY_LIMIT when they are too much. */
  note(instance: WebAssembly.Instance): WebAssembly.Instance {
    for (const value of Object.values(instance.exports)) {
      if (value instanceof WebAssembly.Memory) this.#memories.add(value);
    }
    if (this.bytes() <= this.#maxBytes) return instance;
    throw new WasmletError("ARTIFACT_MEMORY_LIMIT", "the artifact's instances have more memory than limits.memory", {
      expected: `at most ${this.#maxBytes} bytes`,
      actual: `${this.bytes()} bytes`,
    });
  }

  /** Bytes of all of them now. */
  bytes(): number {
    let sum = 0;
    for (const memory of this.#memories) sum += memory.buffer.byteLength;
    return sum;
  }
}
