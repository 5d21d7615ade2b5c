import { Reader } from "./reader.ts";

/**
 * The frame of a core module:
 *
 *   module  := 00 61 73 6D  01 00 00 00  section*
 *   section := id:u8 size:u32 payload
 *
 * https://webassembly.github.io/spec/core/binary/modules.html
 */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** The kinds of imports and exports. */
export const EXTERN = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

/** The magic number and version in front of the sections. */
export const MODULE_HEADER: Uint8Array = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** The size of a wasm page in bytes. */
export const WASM_PAGE_BYTES = 65_536;

/** Where a section lies: its header, and its payload from `start` to `end`. */
export interface Section {
  id: number;
  headerStart: number;
  start: number;
  end: number;
}

/** Returns the sections of a module in their order; throws RangeError when one ends behind the module. */
export function sectionsOf(module: Uint8Array): Section[] {
  const sections: Section[] = [];
  const reader = new Reader(module, MODULE_HEADER.length);
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
