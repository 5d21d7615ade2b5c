import { WasmletError } from "../../common/errors.ts";
import type { CoreInstance } from "./core-instance.ts";

/** Counts the linear memory of one instance: every memory that its core instances export or get of their engine. */
export class MemoryCensus {
  readonly #memories = new Set<WebAssembly.Memory>();
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Remembers the memories of a core instance; throws ARTIFACT_MEMORY_LIMIT when they are too much. */
  note({ exports, memory }: Pick<CoreInstance, "exports" | "memory">): void {
    for (const value of [memory, ...Object.values(exports)]) {
      if (value instanceof WebAssembly.Memory) this.#memories.add(value);
    }
    if (this.bytes() <= this.#maxBytes) return;
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
