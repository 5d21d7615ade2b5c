/** Up to this length bytes are copied one by one: a call of the native copy costs more. */
const SHORT_BYTES = 32;

/** Builds a binary out of primitives and copied ranges; grows by doubling, so that writing is linear. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  /** `capacity` is how many bytes are expected. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#length;
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** Copies bytes as they are. */
  raw(bytes: Uint8Array | readonly number[]): this {
    this.#reserve(bytes.length);
    if (bytes.length > SHORT_BYTES) this.#bytes.set(bytes, this.#length);
    else for (let index = 0; index < bytes.length; index++) this.#bytes[this.#length + index] = bytes[index]!;
    this.#length += bytes.length;
    return this;
  }

  /** An unsigned LEB128 of a safe integer, in its shortest form. */
  unsigned(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.byte(rest);
  }

  /** A signed LEB128 of a 32-bit integer, in its shortest form. */
  signed(value: number): this {
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  /** A name: its length in bytes, then its UTF-8. */
  name(text: string): this {
    return this.sized(Buffer.from(text));
  }

  /** A length, then the bytes: a section's payload, a function's body, a vector of bytes. */
  sized(bytes: Uint8Array): this {
    return this.unsigned(bytes.length).raw(bytes);
  }

  /** What was written; shares memory with the writer until it writes again. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
