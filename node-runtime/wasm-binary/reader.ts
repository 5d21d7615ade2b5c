/**
 * Reads the binary format's primitives from hostile bytes: every read is checked against the end, every LEB128 against
 * its width. https://webassembly.github.io/spec/core/binary/values.html
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.end = Math.min(end, bytes.length);
    this.position = start;
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** The next byte; throws RangeError at the end. */
  byte(): number {
    if (this.position >= this.end) throw new RangeError(`unexpected end at byte ${this.position}`);
    return this.bytes[this.position++]!;
  }

  /** Passes over `count` bytes; throws RangeError when there are fewer. */
  skip(count: number): void {
    if (count > this.end - this.position) throw new RangeError(`unexpected end at byte ${this.position}`);
    this.position += count;
  }

  /** An unsigned LEB128 of 32 bits in at most 5 bytes; throws RangeError on more. */
  u32(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let result = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.byte();
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    const last = this.byte();
    if (last > 0x0f) throw new RangeError(`u32 out of range at byte ${this.position}`);
    return result + last * 0x1000_0000;
  }

  /** An unsigned LEB128 of 64 bits, exact up to 2^53, which no size here exceeds; throws RangeError past 10 bytes. */
  u64(): number {
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
    throw new RangeError(`LEB128 too long at byte ${this.position}`);
  }

  /** Passes over a LEB128 of at most `maxBytes`; throws RangeError on more. */
  skipLeb(maxBytes: number): void {
    for (let count = 0; count < maxBytes; count++) if (this.byte() < 0x80) return;
    throw new RangeError(`LEB128 too long at byte ${this.position}`);
  }

  /** A name, its bytes read as UTF-8. */
  name(): string {
    const length = this.u32();
    const start = this.position;
    this.skip(length);
    return UTF8.decode(this.bytes.subarray(start, this.position));
  }
}

const UTF8 = new TextDecoder();
