import { ERRNO, ErrnoError } from "./errno.ts";

/** The part of a `WebAssembly.Memory` that a host call needs. */
export interface LinearMemory {
  readonly buffer: ArrayBufferLike;
}

/** The longest path a guest may pass, in bytes, as PATH_MAX is. */
const MAX_PATH_BYTES = 4096;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A guest's linear memory, never trusted: every range is checked, and one outside fails with `fault`. Pointers and
 * lengths come as wasm gives them, signed. Views are good until the guest runs again: growing detaches them.
 */
export class GuestMemory {
  readonly #memory: () => LinearMemory;

  constructor(memory: () => LinearMemory) {
    this.#memory = memory;
  }

  /** Fails with `fault` unless `length` bytes at `pointer` exist: for results that are written after the effect. */
  check(pointer: number, length: number): void {
    this.struct(pointer, length);
  }

  /** A view of `length` bytes at `pointer`, as a structure. */
  struct(pointer: number, length: number): DataView {
    const { buffer } = this.#memory();
    const start = pointer >>> 0;
    const size = length >>> 0;
    if (start + size > buffer.byteLength) throw new ErrnoError(ERRNO.FAULT);
    return new DataView(buffer, start, size);
  }

  /** A view of `length` bytes at `pointer`, as bytes. */
  bytes(pointer: number, length: number): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.struct(pointer, length);
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  /** Copies `bytes` to `pointer`. */
  write(pointer: number, bytes: Uint8Array): void {
    this.bytes(pointer, bytes.length).set(bytes);
  }

  /** Stores an unsigned 32-bit integer at `pointer`. */
  writeU32(pointer: number, value: number): void {
    this.struct(pointer, 4).setUint32(0, value, true);
  }

  /** Stores an unsigned 64-bit integer at `pointer`. */
  writeU64(pointer: number, value: bigint): void {
    this.struct(pointer, 8).setBigUint64(0, value, true);
  }

  /** Reads a path: `name-too-long` beyond 4096 bytes, `ilseq` when it is not UTF-8. */
  path(pointer: number, length: number): string {
    const bytes = this.bytes(pointer, length);
    if (bytes.length > MAX_PATH_BYTES) throw new ErrnoError(ERRNO.NAMETOOLONG);
    try {
      return UTF8.decode(bytes);
    } catch {
      throw new ErrnoError(ERRNO.ILSEQ);
    }
  }
}
