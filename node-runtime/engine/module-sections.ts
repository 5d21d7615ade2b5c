/**
 * Reads and patches the parts of a core module's binary that concern its memories, leaving the rest byte for byte.
 *
 *   module  := 00 61 73 6D  01 00 00 00  section*
 *   section := id:u8 size:u32 payload
 *   import section (2): memories are descriptor kind 2; memory section (5): vec(limits)
 *   limits  := flags:u8 min:u64 (max:u64 when flags & 1); flags & 2 shared, flags & 4 64-bit, flags & 8 own page size
 *
 * https://webassembly.github.io/spec/core/binary/modules.html
 */

/** A linear memory as a module declares or imports it, in 64 KiB pages. */
export interface MemoryDeclaration {
  imported: boolean;
  minPages: number;
  maxPages: number | undefined;
  shared: boolean;
  is64: boolean;
}

/** The size of a wasm page in bytes. */
export const WASM_PAGE_BYTES = 65_536;

const HEADER_BYTES = 8;
const IMPORT_SECTION = 2;
const MEMORY_SECTION = 5;
const FLAG_HAS_MAX = 1;
const FLAG_SHARED = 2;
const FLAG_64 = 4;
const FLAG_PAGE_SIZE = 8;

/** Returns the memories that a valid module imports and declares, in index order; throws RangeError on broken bytes. */
export function readMemories(module: Uint8Array): MemoryDeclaration[] {
  const memories: MemoryDeclaration[] = [];
  for (const section of sectionsOf(module)) {
    const reader = new Reader(module, section.start, section.end);
    if (section.id === IMPORT_SECTION) memories.push(...readImportedMemories(reader));
    if (section.id === MEMORY_SECTION) {
      for (let count = reader.u32(); count > 0; count--) memories.push(readLimits(reader, false));
    }
  }
  return memories;
}

/**
 * Returns the module with the maximum of each memory it declares lowered to `maxPages` (one for all, or one each);
 * `memory.grow` past it yields -1.
 */
export function clampMemories(module: Uint8Array, maxPages: number | readonly number[]): Uint8Array {
  const section = sectionsOf(module).find(({ id }) => id === MEMORY_SECTION);
  if (section === undefined) return module;
  const reader = new Reader(module, section.start, section.end);
  const count = reader.u32();
  const payload = [...encodeUnsigned(count)];
  for (let index = 0; index < count; index++) {
    const { minPages, maxPages: declared, shared, is64 } = readLimits(reader, false);
    const flags = FLAG_HAS_MAX | (shared ? FLAG_SHARED : 0) | (is64 ? FLAG_64 : 0);
    const limit = typeof maxPages === "number" ? maxPages : maxPages[index]!;
    const maximum = Math.max(minPages, Math.min(declared ?? limit, limit));
    payload.push(flags, ...encodeUnsigned(minPages), ...encodeUnsigned(maximum));
  }
  const patched = Uint8Array.from([MEMORY_SECTION, ...encodeUnsigned(payload.length), ...payload]);
  const result = new Uint8Array(module.length - (section.end - section.headerStart) + patched.length);
  result.set(module.subarray(0, section.headerStart));
  result.set(patched, section.headerStart);
  result.set(module.subarray(section.end), section.headerStart + patched.length);
  return result;
}

interface Section {
  id: number;
  headerStart: number;
  start: number;
  end: number;
}

function sectionsOf(module: Uint8Array): Section[] {
  const sections: Section[] = [];
  const reader = new Reader(module, HEADER_BYTES, module.length);
  while (!reader.atEnd) {
    const headerStart = reader.position;
    const id = reader.byte();
    const size = reader.u32();
    const start = reader.position;
    reader.skip(size);
    sections.push({ id, headerStart, start, end: start + size });
  }
  return sections;
}

function readImportedMemories(reader: Reader): MemoryDeclaration[] {
  const memories: MemoryDeclaration[] = [];
  for (let count = reader.u32(); count > 0; count--) {
    reader.skip(reader.u32());
    reader.skip(reader.u32());
    const kind = reader.byte();
    // Function, table, memory, global, tag: each descriptor has its own length.
    if (kind === 1 || kind === 3) skipReferenceType(reader);
    if (kind === 4) reader.byte();
    if (kind === 0 || kind === 4) reader.u32();
    else if (kind === 1) readLimits(reader, true);
    else if (kind === 2) memories.push(readLimits(reader, true));
    else if (kind === 3) reader.byte();
    else throw new RangeError(`unknown import kind ${kind}`);
  }
  return memories;
}

/** Value and reference types are one byte, but `(ref null? heaptype)` carries a heap type behind its prefix. */
function skipReferenceType(reader: Reader): void {
  const prefix = reader.byte();
  if (prefix === 0x63 || prefix === 0x64) reader.unsigned();
}

function readLimits(reader: Reader, imported: boolean): MemoryDeclaration {
  const flags = reader.byte();
  const minPages = reader.unsigned();
  const maxPages = (flags & FLAG_HAS_MAX) === 0 ? undefined : reader.unsigned();
  if ((flags & FLAG_PAGE_SIZE) !== 0) throw new RangeError("custom page sizes are not offered");
  return { imported, minPages, maxPages, shared: (flags & FLAG_SHARED) !== 0, is64: (flags & FLAG_64) !== 0 };
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  position: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#end = end;
    this.position = start;
  }

  get atEnd(): boolean {
    return this.position >= this.#end;
  }

  byte(): number {
    if (this.atEnd) throw new RangeError(`unexpected end at byte ${this.position}`);
    return this.#bytes[this.position++]!;
  }

  skip(count: number): void {
    if (this.position + count > this.#end) throw new RangeError(`unexpected end at byte ${this.position}`);
    this.position += count;
  }

  u32(): number {
    const value = this.unsigned();
    if (value > 0xffff_ffff) throw new RangeError(`u32 out of range at byte ${this.position}`);
    return value;
  }

  /** An unsigned LEB128 of up to 64 bits, as a number (exact up to 2^53, which no size here exceeds). */
  unsigned(): number {
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      result += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return result;
    }
    throw new RangeError(`LEB128 too long at byte ${this.position}`);
  }
}

function encodeUnsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}
