import type { Reader } from "./reader.ts";
import { UnsupportedModule } from "./unsupported.ts";
import { readHeapType, readValueType, skipBlockType } from "./value-types.ts";

/**
 * Walks instructions: an opcode of one byte, or a prefix byte and a LEB128, and the immediates that it has.
 * Read are MVP, sign extension, saturating conversion, bulk memory, reference types, multi-value, SIMD and relaxed
 * SIMD, tail calls, typed function references and exceptions, old and new.
 * https://webassembly.github.io/spec/core/binary/instructions.html
 */
export const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  rethrow: 0x09,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  tryTable: 0x1f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  tableSet: 0x26,
  i32Store: 0x36,
  i64Store32: 0x3e,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  brOnNull: 0xd5,
  brOnNonNull: 0xd6,
  memoryInit: 0xfc08,
  dataDrop: 0xfc09,
  memoryCopy: 0xfc0a,
  memoryFill: 0xfc0b,
  tableInit: 0xfc0c,
  elemDrop: 0xfc0d,
  tableCopy: 0xfc0e,
  tableGrow: 0xfc0f,
  tableFill: 0xfc11,
  v128Store: 0xfd0b,
  v128Store8Lane: 0xfd58,
  v128Store64Lane: 0xfd5b,
} as const;

/** The indices, constant or offset that the last instruction carried; reused, so that walking allocates nothing. */
export interface Immediates {
  first: number;
  second: number;
}

/** Whether memory instructions are valid: a walk refuses them where there is no memory, and memories other than 0. */
export interface WalkedModule {
  hasMemory: boolean;
}

// What follows an opcode. Zero, the default of a typed array, stands for opcodes that are not read.
const NONE = 1;
const INDEX = 2;
const TWO_INDICES = 3;
const MEMORY_ARGUMENT = 4;
const BLOCK = 5;
const SPECIAL = 6;

const PLAIN = tableOf([
  [NONE, 0x00, 0x01],
  [BLOCK, 0x02, 0x04],
  [NONE, 0x05, 0x05],
  [BLOCK, 0x06, 0x06],
  [INDEX, 0x07, 0x09],
  [NONE, 0x0a, 0x0b],
  [INDEX, 0x0c, 0x0d],
  [SPECIAL, 0x0e, 0x0e],
  [NONE, 0x0f, 0x0f],
  [INDEX, 0x10, 0x10],
  [TWO_INDICES, 0x11, 0x11],
  [INDEX, 0x12, 0x12],
  [TWO_INDICES, 0x13, 0x13],
  [INDEX, 0x14, 0x15],
  [INDEX, 0x18, 0x18],
  [NONE, 0x19, 0x1b],
  [SPECIAL, 0x1c, 0x1c],
  [SPECIAL, 0x1f, 0x1f],
  [INDEX, 0x20, 0x26],
  [MEMORY_ARGUMENT, 0x28, 0x3e],
  [SPECIAL, 0x3f, 0x44],
  [NONE, 0x45, 0xc4],
  [SPECIAL, 0xd0, 0xd0],
  [NONE, 0xd1, 0xd1],
  [INDEX, 0xd2, 0xd2],
  [NONE, 0xd4, 0xd4],
  [INDEX, 0xd5, 0xd6],
  [SPECIAL, 0xfc, 0xfd],
]);

const PREFIXED_FC = tableOf([
  [NONE, 0, 7],
  [SPECIAL, 8, 8],
  [INDEX, 9, 9],
  [SPECIAL, 10, 11],
  [TWO_INDICES, 12, 12],
  [INDEX, 13, 13],
  [TWO_INDICES, 14, 14],
  [INDEX, 15, 17],
]);

/** https://webassembly.github.io/spec/core/binary/instructions.html#vector-instructions; relaxed SIMD from 256 on. */
const PREFIXED_FD = tableOf([
  [MEMORY_ARGUMENT, 0, 11],
  [SPECIAL, 12, 13],
  [NONE, 14, 20],
  [SPECIAL, 21, 34],
  [NONE, 35, 83],
  [SPECIAL, 84, 91],
  [MEMORY_ARGUMENT, 92, 93],
  [NONE, 94, 153],
  [NONE, 155, 161],
  [NONE, 163, 164],
  [NONE, 167, 174],
  [NONE, 177, 177],
  [NONE, 181, 186],
  [NONE, 188, 193],
  [NONE, 195, 196],
  [NONE, 199, 206],
  [NONE, 209, 209],
  [NONE, 213, 225],
  [NONE, 227, 237],
  [NONE, 239, 255],
  [NONE, 256, 275],
]);

/**
 * Passes over one instruction and returns its opcode (prefixed ones as `0xfc0b`), its indices in `immediates`.
 * Throws RangeError on broken bytes, UnsupportedModule on an instruction that is not read here.
 */
export function nextInstruction(reader: Reader, module: WalkedModule, immediates: Immediates): number {
  const opcode = reader.byte();
  switch (PLAIN[opcode]) {
    case NONE:
      return opcode;
    case INDEX:
      immediates.first = reader.u32();
      return opcode;
    case TWO_INDICES:
      immediates.first = reader.u32();
      immediates.second = reader.u32();
      return opcode;
    case MEMORY_ARGUMENT:
      immediates.first = memoryOffset(reader, module);
      return opcode;
    case BLOCK:
      skipBlockType(reader);
      return opcode;
    case SPECIAL:
      return special(opcode, reader, module, immediates);
    default:
      return refuse(opcode);
  }
}

/** Passes over a constant expression and its `end`. */
export function skipConstantExpression(reader: Reader): void {
  const immediates = { first: 0, second: 0 };
  while (nextInstruction(reader, { hasMemory: false }, immediates) !== OP.end);
}

function special(opcode: number, reader: Reader, module: WalkedModule, immediates: Immediates): number {
  switch (opcode) {
    case OP.brTable:
      for (let count = reader.u32() + 1; count > 0; count--) reader.u32();
      return opcode;
    case 0x1c: // select with types
      for (let count = reader.u32(); count > 0; count--) readValueType(reader);
      return opcode;
    case OP.tryTable:
      skipBlockType(reader);
      for (let count = reader.u32(); count > 0; count--) skipCatch(reader);
      return opcode;
    case OP.memorySize:
    case OP.memoryGrow:
      requireMemory(reader.u32(), module);
      return opcode;
    case OP.i32Const:
      immediates.first = readI32(reader);
      return opcode;
    case 0x42: // i64.const
      reader.skipLeb(10);
      return opcode;
    case 0x43: // f32.const
      reader.skip(4);
      return opcode;
    case 0x44: // f64.const
      reader.skip(8);
      return opcode;
    case 0xd0: // ref.null
      readHeapType(reader);
      return opcode;
    case 0xfc:
      return prefixedFc(reader, module, immediates);
    default:
      return prefixedFd(reader, module, immediates);
  }
}

function prefixedFc(reader: Reader, module: WalkedModule, immediates: Immediates): number {
  const code = reader.u32();
  const opcode = 0xfc00 + code;
  const kind = PREFIXED_FC[code];
  if (kind === undefined || kind === 0) return refuse(opcode);
  if (kind === INDEX || kind === TWO_INDICES) immediates.first = reader.u32();
  if (kind === TWO_INDICES) immediates.second = reader.u32();
  if (opcode === OP.memoryInit) immediates.first = reader.u32();
  if (kind === SPECIAL) requireMemory(reader.u32(), module);
  if (opcode === OP.memoryCopy) requireMemory(reader.u32(), module);
  return opcode;
}

function prefixedFd(reader: Reader, module: WalkedModule, immediates: Immediates): number {
  const code = reader.u32();
  const kind = PREFIXED_FD[code];
  if (kind === undefined || kind === 0) return refuse(0xfd00 + code);
  if (kind === MEMORY_ARGUMENT) immediates.first = memoryOffset(reader, module);
  if (kind !== SPECIAL) return 0xfd00 + code;
  // v128.const and i8x16.shuffle carry 16 bytes; lane instructions a lane, behind the memory argument if they have one.
  if (code <= 13) reader.skip(16);
  else if (code <= 34) reader.skip(1);
  else {
    immediates.first = memoryOffset(reader, module);
    reader.skip(1);
  }
  return 0xfd00 + code;
}

/** Passes over a memory argument and returns its offset. */
function memoryOffset(reader: Reader, module: WalkedModule): number {
  const alignment = reader.u32();
  // Bit 6 announces a memory index: not even 0 is written so by any compiler.
  if (alignment >= 0x40) throw new UnsupportedModule("multiple memories");
  requireMemory(0, module);
  return reader.u32();
}

/**
 * The rewriting appends a memory of the host's: an index that was out of range before must not come to name it, even if
 * the caller forgot to validate the module.
 */
function requireMemory(index: number, { hasMemory }: WalkedModule): void {
  if (index > 0) throw new UnsupportedModule("multiple memories");
  if (!hasMemory) throw new RangeError("a memory instruction without a memory");
}

function skipCatch(reader: Reader): void {
  const kind = reader.byte();
  if (kind > 3) throw new RangeError(`unknown catch clause ${kind}`);
  if (kind < 2) reader.u32();
  reader.u32();
}

/** A signed LEB128 of 32 bits. */
function readI32(reader: Reader): number {
  let result = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = reader.byte();
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) return shift < 28 && (byte & 0x40) !== 0 ? result | (-1 << (shift + 7)) : result;
  }
  throw new RangeError(`LEB128 too long at byte ${reader.position}`);
}

function refuse(opcode: number): never {
  if (opcode === 0xfb || opcode === 0xd3) throw new UnsupportedModule("garbage-collected types");
  if (opcode === 0xfe) throw new UnsupportedModule("atomic instructions");
  throw new UnsupportedModule(`instruction 0x${opcode.toString(16)}`);
}

function tableOf(ranges: ReadonlyArray<readonly [kind: number, from: number, to: number]>): Uint8Array {
  const table = new Uint8Array(276);
  for (const [kind, from, to] of ranges) table.fill(kind, from, to + 1);
  return table;
}
