import { NotLean } from "./not-lean.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a stretch of a WebAssembly binary forwards; whatever runs past its end throws NotLean. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  byte(): number {
    if (this.atEnd) throw new NotLean(`the binary ends within a definition, at byte ${this.position}`);
    return this.bytes[this.position++]!;
  }

  /** Returns the next byte without taking it; undefined at the end. */
  peek(): number | undefined {
    return this.atEnd ? undefined : this.bytes[this.position];
  }

  /** An unsigned LEB128 of up to 32 bits. */
  u32(): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      result += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) {
        if (result > 0xffff_ffff) break;
        return result;
      }
    }
    throw new NotLean(`a number is larger than 32 bits, at byte ${this.position}`);
  }

  /** The count of a vector; every element takes a byte at least. */
  count(): number {
    const count = this.u32();
    if (count > this.end - this.position) throw new NotLean(`a list is longer than its section, at ${this.position}`);
    return count;
  }

  /** Reads a vector with `element`. */
  vector<T>(element: () => T): T[] {
    return Array.from({ length: this.count() }, element);
  }

  name(): string {
    const { start, end } = this.slice(this.u32());
    try {
      return UTF8.decode(this.bytes.subarray(start, end));
    } catch {
      throw new NotLean(`a name is not valid UTF-8, at byte ${start}`);
    }
  }

  /** Takes the next `length` bytes as a reader of their own. */
  sub(length: number): ByteReader {
    const { start, end } = this.slice(length);
    return new ByteReader(this.bytes, start, end);
  }

  private slice(length: number): { start: number; end: number } {
    const start = this.position;
    if (length > this.end - start) throw new NotLean(`the binary ends within a definition, at byte ${start}`);
    this.position = start + length;
    return { start, end: this.position };
  }
}

/** One section of a module or component: its id and its payload. */
export interface Section {
  id: number;
  reader: ByteReader;
}

const HEADER_BYTES = 8;

/** Yields the sections of a module or component, whose header is not looked at. */
export function* sectionsOf(reader: ByteReader): Generator<Section> {
  reader.sub(HEADER_BYTES);
  while (!reader.atEnd) {
    const id = reader.byte();
    yield { id, reader: reader.sub(reader.u32()) };
  }
}
