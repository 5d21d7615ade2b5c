import { readLimits, writeLimits, type Limits } from "../wasm-binary/limits.ts";
import { Reader } from "../wasm-binary/reader.ts";
import { EXTERN, SECTION, sectionsOf } from "../wasm-binary/sections.ts";
import { Writer } from "../wasm-binary/writer.ts";

/** Reads and patches the parts of a core module's binary that concern its memories, leaving the rest byte for byte. */

export { WASM_PAGE_BYTES } from "../wasm-binary/sections.ts";

/** A linear memory as a module declares or imports it, in 64 KiB pages. */
export interface MemoryDeclaration {
  imported: boolean;
  minPages: number;
  maxPages: number | undefined;
  shared: boolean;
  is64: boolean;
}

/** Returns the memories that a valid module imports and declares, in index order; throws RangeError on broken bytes. */
export function readMemories(module: Uint8Array): MemoryDeclaration[] {
  const memories: MemoryDeclaration[] = [];
  for (const section of sectionsOf(module)) {
    const reader = new Reader(module, section.start, section.end);
    if (section.id === SECTION.import) memories.push(...readImportedMemories(reader));
    if (section.id === SECTION.memory) {
      for (let count = reader.u32(); count > 0; count--) memories.push(declarationOf(readLimits(reader), false));
    }
  }
  return memories;
}

/**
 * Returns the module with the maximum of each memory it declares lowered to `maxPages` (one for all, or one each);
 * `memory.grow` past it yields -1.
 */
export function clampMemories(module: Uint8Array, maxPages: number | readonly number[]): Uint8Array {
  const section = sectionsOf(module).find(({ id }) => id === SECTION.memory);
  if (section === undefined) return module;
  const reader = new Reader(module, section.start, section.end);
  const count = reader.u32();
  const payload = new Writer().unsigned(count);
  for (let index = 0; index < count; index++) {
    const limits = readLimits(reader);
    const limit = typeof maxPages === "number" ? maxPages : maxPages[index]!;
    writeLimits(payload, { ...limits, max: clampedMaximum(limits, limit) });
  }
  return new Writer()
    .raw(module.subarray(0, section.headerStart))
    .byte(SECTION.memory)
    .sized(payload.done())
    .raw(module.subarray(section.end))
    .done();
}

/** Returns a memory's own maximum or `maxPages`, whichever is lower, and never less than its minimum. */
export function clampedMaximum({ min, max }: Limits, maxPages: number): number {
  return Math.max(min, Math.min(max ?? maxPages, maxPages));
}

function readImportedMemories(reader: Reader): MemoryDeclaration[] {
  const memories: MemoryDeclaration[] = [];
  for (let count = reader.u32(); count > 0; count--) {
    reader.skip(reader.u32());
    reader.skip(reader.u32());
    const limits = readImportDescriptor(reader);
    if (limits !== undefined) memories.push(declarationOf(limits, true));
  }
  return memories;
}

/** Passes over an import's descriptor, each kind of its own length; returns the limits when it is a memory. */
function readImportDescriptor(reader: Reader): Limits | undefined {
  const kind = reader.byte();
  if (kind === EXTERN.memory) return readLimits(reader);
  if (kind === EXTERN.table || kind === EXTERN.global) skipReferenceType(reader);
  if (kind === EXTERN.tag) reader.byte();
  if (kind === EXTERN.function || kind === EXTERN.tag) reader.u32();
  else if (kind === EXTERN.table) readLimits(reader);
  else if (kind === EXTERN.global) reader.byte();
  else throw new RangeError(`unknown import kind ${kind}`);
  return undefined;
}

/** Value and reference types are one byte, but `(ref null? heaptype)` carries a heap type behind its prefix. */
function skipReferenceType(reader: Reader): void {
  const prefix = reader.byte();
  if (prefix === 0x63 || prefix === 0x64) reader.skipLeb(5);
}

function declarationOf({ min, max, shared, is64 }: Limits, imported: boolean): MemoryDeclaration {
  return { imported, minPages: min, maxPages: max, shared, is64 };
}
