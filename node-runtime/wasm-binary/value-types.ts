import type { Reader } from "./reader.ts";
import { UnsupportedModule } from "./unsupported.ts";

/** A value type, named where it matters here; `(ref …)` of a defined type counts as `funcref`. */
export type ValueType = "number" | "v128" | "funcref" | "externref" | "exnref";

/** https://webassembly.github.io/spec/core/binary/types.html: one byte each; 0x63 and 0x64 are followed by a heap type. */
const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
  0x7f: "number",
  0x7e: "number",
  0x7d: "number",
  0x7c: "number",
  0x7b: "v128",
  0x70: "funcref",
  0x73: "funcref",
  0x6f: "externref",
  0x72: "externref",
  0x69: "exnref",
  0x74: "exnref",
};
const GARBAGE_COLLECTED = new Set([0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71]);
const REF = 0x64;
const REF_NULL = 0x63;
const EMPTY = 0x40;

/** Reads a value type; throws UnsupportedModule on a garbage-collected or unknown one. */
export function readValueType(reader: Reader): ValueType {
  const byte = reader.byte();
  return byte === REF || byte === REF_NULL ? readHeapType(reader) : known(byte);
}

/** Reads the type of a heap reference, as `ref.null` has it; throws UnsupportedModule as `readValueType` does. */
export function readHeapType(reader: Reader): ValueType {
  const first = reader.bytes[reader.position] ?? 0;
  // A signed LEB128: an abstract type is one negative byte, a defined type a non-negative index.
  if (first >= 0x80 || first < 0x40) {
    reader.skipLeb(5);
    return "funcref";
  }
  return known(reader.byte());
}

/** Reads a block's type: empty, a value type, or the index of a function type. */
export function skipBlockType(reader: Reader): void {
  const first = reader.bytes[reader.position] ?? 0;
  if (first === EMPTY) reader.byte();
  else if (first > EMPTY && first < 0x80) readValueType(reader);
  else reader.skipLeb(5);
}

function known(byte: number): ValueType {
  const type = VALUE_TYPES[byte];
  if (type !== undefined) return type;
  if (GARBAGE_COLLECTED.has(byte)) throw new UnsupportedModule("garbage-collected types");
  throw new UnsupportedModule(`value type 0x${byte.toString(16)}`);
}
