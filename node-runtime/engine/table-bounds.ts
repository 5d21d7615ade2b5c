import { skipConstantExpression } from "../wasm-binary/instructions.ts";
import { readLimits, writeLimits, type Limits } from "../wasm-binary/limits.ts";
import { Reader } from "../wasm-binary/reader.ts";
import { SECTION, sectionsOf } from "../wasm-binary/sections.ts";
import { UnsupportedModule } from "../wasm-binary/unsupported.ts";
import { readValueType } from "../wasm-binary/value-types.ts";
import { Writer } from "../wasm-binary/writer.ts";

/*
 *   table := (0x40 0x00)? reftype limits expr?      with an initialiser where it begins with 0x40
 *
 * https://webassembly.github.io/spec/core/binary/modules.html#table-section
 */

/**
 * Elements that the tables of one instance may have together. V8 keeps tables on its heap, about 30 bytes for an element,
 * and takes ten million in each: a few such tables end the process. Programs have an element for each function that they
 * call by pointer, some ten thousand at the most.
 */
export const MAX_TABLE_ELEMENTS = 100_000;

const WITH_INITIALIZER = 0x40;

/** A table that a module declares, and where its limits stand in the module's bytes. */
interface TableEntry {
  limits: Limits;
  start: number;
  end: number;
}

/** Returns the limits of the tables that a valid module declares; of one with initialisers that are not read, none. */
export function readTables(module: Uint8Array): Limits[] {
  return tableEntries(module).map(({ limits }) => limits);
}

/** Returns the module with the maximum of each of its tables lowered; `table.grow` past it yields -1. */
export function clampTables(module: Uint8Array, maxElements: readonly number[]): Uint8Array {
  const section = sectionsOf(module).find(({ id }) => id === SECTION.table);
  const entries = tableEntries(module);
  if (section === undefined || entries.length === 0) return module;
  const payload = new Writer();
  let from = section.start;
  for (const [index, { limits, start, end }] of entries.entries()) {
    payload.raw(module.subarray(from, start));
    const max = Math.max(limits.min, Math.min(limits.max ?? Infinity, maxElements[index]!));
    writeLimits(payload, { ...limits, max });
    from = end;
  }
  payload.raw(module.subarray(from, section.end));
  return new Writer()
    .raw(module.subarray(0, section.headerStart))
    .byte(SECTION.table)
    .sized(payload.done())
    .raw(module.subarray(section.end))
    .done();
}

function tableEntries(module: Uint8Array): TableEntry[] {
  const section = sectionsOf(module).find(({ id }) => id === SECTION.table);
  if (section === undefined) return [];
  const reader = new Reader(module, section.start, section.end);
  const entries: TableEntry[] = [];
  try {
    for (let count = reader.u32(); count > 0; count--) entries.push(readEntry(reader));
  } catch (thrown) {
    if (thrown instanceof UnsupportedModule) return [];
    throw thrown;
  }
  return entries;
}

function readEntry(reader: Reader): TableEntry {
  const isInitialized = reader.bytes[reader.position] === WITH_INITIALIZER;
  if (isInitialized) reader.skip(2);
  readValueType(reader);
  const start = reader.position;
  const limits = readLimits(reader);
  const end = reader.position;
  if (isInitialized) skipConstantExpression(reader);
  return { limits, start, end };
}
