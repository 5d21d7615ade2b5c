import { skipConstantExpression } from "../../wasm-binary/instructions.ts";
import { readLimits, type Limits } from "../../wasm-binary/limits.ts";
import { Reader } from "../../wasm-binary/reader.ts";
import { EXTERN, SECTION, sectionsOf, type Section } from "../../wasm-binary/sections.ts";
import { UnsupportedModule } from "../../wasm-binary/unsupported.ts";
import { readValueType, type ValueType } from "../../wasm-binary/value-types.ts";

/** A global or a table that the module defines itself. */
interface Definition {
  index: number;
  type: ValueType;
  /** Of a global: whether it changes. A table always may. */
  mutable: boolean;
}

/** What a module imports, defines and exports, as far as the rewriting turns on it. */
export interface ModuleShape {
  types: number;
  /** How many parameters functions of each type have. */
  parameters: number[];
  imported: { functions: number; tables: number; memories: number; globals: number };
  /** The memory that the module defines. */
  memory?: Limits;
  globals: Definition[];
  tables: Definition[];
  /** Functions that it defines, and the type of each. */
  functions: number;
  functionTypes: number[];
  /** Own tables that others can write to. */
  exportedTables: Set<number>;
  hasMemory: boolean;
  /** What each table holds, imported ones too, in the binary format. */
  tableTypes: Uint8Array[];
  /** How many bytes or elements each segment has. */
  dataLengths: number[];
  elementLengths: number[];
}

/** Names and modules that start so are the host's. */
export const HOST_PREFIX = "wasmlet";

const FUNCTION_TYPE = 0x60;
const TABLE_WITH_INITIALIZER = 0x40;

/** Sections by their id, custom ones left out; throws RangeError on a repeated one. */
export function standardSections(bytes: Uint8Array): Map<number, Section> {
  const sections = new Map<number, Section>();
  for (const section of sectionsOf(bytes)) {
    if (section.id === SECTION.custom) continue;
    if (section.id > SECTION.tag) throw new UnsupportedModule(`section ${section.id}`);
    if (sections.has(section.id)) throw new RangeError(`section ${section.id} stands twice`);
    sections.set(section.id, section);
  }
  return sections;
}

/** Reads a module's shape; throws RangeError on broken bytes and UnsupportedModule on what cannot be rewritten. */
export function readShape(bytes: Uint8Array, sections: ReadonlyMap<number, Section>): ModuleShape {
  const shape: ModuleShape = {
    types: 0,
    parameters: [],
    imported: { functions: 0, tables: 0, memories: 0, globals: 0 },
    globals: [],
    tables: [],
    functions: 0,
    functionTypes: [],
    exportedTables: new Set(),
    hasMemory: false,
    tableTypes: [],
    dataLengths: [],
    elementLengths: [],
  };
  const read = (id: number, entry: (reader: Reader, shape: ModuleShape) => void): void => {
    const section = sections.get(id);
    if (section === undefined) return;
    const reader = new Reader(bytes, section.start, section.end);
    for (let count = reader.u32(); count > 0; count--) entry(reader, shape);
    if (!reader.atEnd) throw new RangeError(`section ${id} is longer than its entries, at byte ${reader.position}`);
  };
  read(SECTION.type, readFunctionType);
  read(SECTION.import, readImport);
  read(SECTION.function, readFunction);
  read(SECTION.table, readTable);
  read(SECTION.memory, readMemory);
  read(SECTION.global, readGlobal);
  read(SECTION.export, readExport);
  read(SECTION.element, readElementSegment);
  read(SECTION.data, readDataSegment);
  return shape;
}

function readFunctionType(reader: Reader, shape: ModuleShape): void {
  if (reader.byte() !== FUNCTION_TYPE) throw new UnsupportedModule("garbage-collected types");
  const parameters = reader.u32();
  for (let count = parameters; count > 0; count--) readValueType(reader);
  for (let count = reader.u32(); count > 0; count--) readValueType(reader);
  shape.parameters.push(parameters);
  shape.types++;
}

function readImport(reader: Reader, shape: ModuleShape): void {
  const from = reader.name();
  if (from === HOST_PREFIX) throw new UnsupportedModule(`an import from "${HOST_PREFIX}"`);
  reader.name();
  const kind = reader.byte();
  if (kind === EXTERN.function) {
    reader.u32();
    shape.imported.functions++;
  } else if (kind === EXTERN.table) {
    readTableType(reader, shape);
    shape.imported.tables++;
  } else if (kind === EXTERN.memory) {
    noteMemory(readLimits(reader), shape);
    shape.imported.memories++;
  } else if (kind === EXTERN.global) {
    readValueType(reader);
    reader.byte();
    shape.imported.globals++;
  } else if (kind === EXTERN.tag) {
    reader.byte();
    reader.u32();
  } else throw new UnsupportedModule(`import kind ${kind}`);
}

function readFunction(reader: Reader, shape: ModuleShape): void {
  shape.functionTypes.push(reader.u32());
  shape.functions++;
}

function readTable(reader: Reader, shape: ModuleShape): void {
  const index = shape.imported.tables + shape.tables.length;
  const initialized = reader.bytes[reader.position] === TABLE_WITH_INITIALIZER;
  if (initialized) reader.skip(2);
  shape.tables.push({ index, type: readTableType(reader, shape), mutable: true });
  if (initialized) skipConstantExpression(reader);
}

function readTableType(reader: Reader, shape: ModuleShape): ValueType {
  const start = reader.position;
  const type = readValueType(reader);
  shape.tableTypes.push(reader.bytes.subarray(start, reader.position));
  const { shared, is64 } = readLimits(reader);
  if (shared) throw new UnsupportedModule("shared tables");
  if (is64) throw new UnsupportedModule("64-bit tables");
  return type;
}

function readMemory(reader: Reader, shape: ModuleShape): void {
  const limits = readLimits(reader);
  noteMemory(limits, shape);
  shape.memory = limits;
}

function noteMemory({ shared, is64 }: Limits, shape: ModuleShape): void {
  if (shape.hasMemory) throw new UnsupportedModule("multiple memories");
  if (shared) throw new UnsupportedModule("shared memory (threads)");
  if (is64) throw new UnsupportedModule("64-bit memory");
  shape.hasMemory = true;
}

function readGlobal(reader: Reader, shape: ModuleShape): void {
  const index = shape.imported.globals + shape.globals.length;
  const type = readValueType(reader);
  const flags = reader.byte();
  if (flags > 1) throw new UnsupportedModule("shared globals");
  shape.globals.push({ index, type, mutable: flags === 1 });
  skipConstantExpression(reader);
}

function readExport(reader: Reader, shape: ModuleShape): void {
  const name = reader.name();
  if (name.startsWith(`${HOST_PREFIX}:`)) throw new UnsupportedModule(`an export named "${HOST_PREFIX}:…"`);
  const kind = reader.byte();
  const index = reader.u32();
  if (kind === EXTERN.memory && !(index === 0 && shape.hasMemory)) throw new RangeError(`no memory ${index} to export`);
  if (kind === EXTERN.table && index >= shape.imported.tables) shape.exportedTables.add(index);
}

/** A segment for a memory other than 0 would come to write into the host's. */
function readDataSegment(reader: Reader, shape: ModuleShape): void {
  const flags = reader.u32();
  if (flags > 2) throw new RangeError(`data segment flags ${flags}`);
  if (flags === 2 && reader.u32() > 0) throw new UnsupportedModule("multiple memories");
  if (flags !== 1) {
    if (!shape.hasMemory) throw new RangeError("a data segment without a memory");
    skipConstantExpression(reader);
  }
  const length = reader.u32();
  reader.skip(length);
  shape.dataLengths.push(length);
}

/** https://webassembly.github.io/spec/core/binary/modules.html#element-section */
function readElementSegment(reader: Reader, shape: ModuleShape): void {
  const flags = reader.u32();
  if (flags > 7) throw new RangeError(`element segment flags ${flags}`);
  const isActive = (flags & 1) === 0;
  const hasExpressions = (flags & 4) !== 0;
  if (isActive && (flags & 2) !== 0) reader.u32();
  if (isActive) skipConstantExpression(reader);
  if ((flags & 3) !== 0) {
    if (hasExpressions) readValueType(reader);
    else reader.byte();
  }
  const length = reader.u32();
  for (let left = length; left > 0; left--) {
    if (hasExpressions) skipConstantExpression(reader);
    else reader.u32();
  }
  shape.elementLengths.push(length);
}
