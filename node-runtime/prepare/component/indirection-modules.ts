/**
 * Recognises the two modules by which wit-component ties a knot: the main module needs host functions before its memory
 * exists, and the host functions need that memory. So the shim exports functions that jump through a table of its own,
 * and the fixup fills this table, at the end, with the host functions.
 *
 *   shim   (table n n funcref) (export "k" (func k))… (export "$imports" (table 0))
 *          func k: local.get 0 … local.get p-1, i32.const k, call_indirect (type t), end
 *   fixup  (import … func)… (import … (table n n funcref)) (elem (i32.const 0) func …) and perhaps a start function
 *
 * The lean engine needs no knot, since its functions look the memory up when they are called. A module is taken for one
 * of the two only when it is nothing else, byte for byte.
 */
import { ByteReader, sectionsOf } from "./byte-reader.ts";
import { NotLean } from "./not-lean.ts";

/** The exports of a shim: which slot of its table each function jumps to, and the name of the table. */
export interface ShimModule {
  slots: ReadonlyMap<string, number>;
  table: string;
}

/** A core import by module and name. */
interface CoreImport {
  module: string;
  name: string;
}

/** What a fixup writes into which table, slot by slot from 0, and the imported function that it calls then. */
export interface FixupModule {
  table: CoreImport;
  slots: readonly CoreImport[];
  start: CoreImport | undefined;
}

const [TYPES, IMPORTS, FUNCTIONS, TABLES, EXPORTS, START, ELEMENTS, CODE] = [1, 2, 3, 4, 7, 8, 9, 10] as const;
const FUNC_TYPE = 0x60;
const FUNCREF = 0x70;
const LOCAL_GET = 0x20;
const I32_CONST = 0x41;
const CALL_INDIRECT = 0x11;
const END = 0x0b;

/** Returns the module as a shim; undefined when it is anything else. */
export function readShim(bytes: Uint8Array): ShimModule | undefined {
  return attempt(() => {
    const sections = onlySections(bytes, [TYPES, FUNCTIONS, TABLES, EXPORTS, CODE]);
    const parameterCounts = sections(TYPES).vector(readParameterCount);
    const functionTypes = sections(FUNCTIONS).vector((reader) => reader.u32());
    const [size, ...otherTables] = sections(TABLES).vector(readFuncrefTable);
    const bodies = sections(CODE).vector((reader) => reader.sub(reader.u32()));
    expect(otherTables.length === 0 && size === functionTypes.length && bodies.length === size);
    for (const [slot, body] of bodies.entries()) {
      expectJump(body, slot, functionTypes[slot]!, parameterCounts[functionTypes[slot]!]);
    }
    const slots = new Map<string, number>();
    let table: string | undefined;
    sections(EXPORTS).vector((reader) => {
      const [name, kind, index] = [reader.name(), reader.byte(), reader.u32()];
      if (kind === 0) slots.set(name, index);
      else if (kind === 1 && index === 0 && table === undefined) table = name;
      else expect(false);
    });
    return table === undefined ? undefined : { slots, table };
  });
}

/** Returns the module as a fixup; undefined when it is anything else. */
export function readFixup(bytes: Uint8Array): FixupModule | undefined {
  return attempt(() => {
    const sections = onlySections(bytes, [TYPES, IMPORTS, ELEMENTS], [START]);
    const functions: CoreImport[] = [];
    const tables: CoreImport[] = [];
    sections(IMPORTS).vector((reader) => {
      const [module, name, kind] = [reader.name(), reader.name(), reader.byte()];
      if (kind === 0) reader.u32();
      else if (kind === 1) readFuncrefTable(reader);
      else expect(false);
      (kind === 0 ? functions : tables).push({ module, name });
    });
    const segments = sections(ELEMENTS).vector((reader) => {
      for (const byte of [0x00, I32_CONST, 0x00, END]) expect(reader.byte() === byte);
      return Array.from({ length: reader.count() }, () => functions[reader.u32()]);
    });
    const start = sections.has(START) ? functions[sections(START).raw().u32()] : undefined;
    const [slots] = segments;
    expect(segments.length === 1 && tables.length === 1 && slots!.every((slot) => slot !== undefined));
    expect(start !== undefined || !sections.has(START));
    return { table: tables[0]!, slots: slots as CoreImport[], start };
  });
}

function readParameterCount(reader: ByteReader): number {
  expect(reader.byte() === FUNC_TYPE);
  const params = reader.count();
  reader.sub(params);
  reader.sub(reader.count());
  return params;
}

/** A table of exactly as many function references as it starts with. */
function readFuncrefTable(reader: ByteReader): number {
  expect(reader.byte() === FUNCREF && reader.byte() === 0x01);
  const size = reader.u32();
  expect(reader.u32() === size);
  return size;
}

/** Checks that a function's body passes all its parameters on to the function in a slot of the table. */
function expectJump(body: ByteReader, slot: number, type: number, parameterCount: number | undefined): void {
  expect(parameterCount !== undefined && body.byte() === 0);
  for (let index = 0; index < parameterCount!; index++) expect(body.byte() === LOCAL_GET && body.u32() === index);
  // A constant is signed; a slot is not, and more than 2^31 of them do not fit into a module.
  expect(body.byte() === I32_CONST && readPositiveSigned(body) === slot);
  expect(body.byte() === CALL_INDIRECT && body.u32() === type && body.u32() === 0);
  expect(body.byte() === END && body.atEnd);
}

function readPositiveSigned(reader: ByteReader): number {
  let result = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = reader.byte();
    result += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) {
      expect((byte & 0x40) === 0);
      return result;
    }
  }
  throw new NotLean("a constant is too long");
}

interface SectionReader {
  (id: number): { vector<T>(element: (reader: ByteReader) => T): T[]; raw(): ByteReader };
  has(id: number): boolean;
}

/** Returns readers of the sections by id, when the required ones are there, once each, and no others than these. */
function onlySections(bytes: Uint8Array, required: readonly number[], optional: readonly number[] = []): SectionReader {
  const found = new Map<number, ByteReader>();
  for (const { id, reader } of sectionsOf(new ByteReader(bytes))) {
    if (id === 0) continue;
    expect((required.includes(id) || optional.includes(id)) && !found.has(id));
    found.set(id, reader);
  }
  expect(required.every((id) => found.has(id)));
  const read = (id: number): ReturnType<SectionReader> => {
    const reader = found.get(id)!;
    return {
      raw: () => reader,
      vector(element) {
        const elements = reader.vector(() => element(reader));
        expect(reader.atEnd);
        return elements;
      },
    };
  };
  return Object.assign(read, { has: (id: number) => found.has(id) });
}

function expect(holds: boolean): void {
  if (!holds) throw new NotLean("the module is no part of an indirection");
}

function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof NotLean) return undefined;
    throw thrown;
  }
}
