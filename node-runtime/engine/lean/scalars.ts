/** How primitive values are told from core values and memory, and back. Strings and lists are not among them. */
import type { PrimitiveType } from "../../artifacts/binding-plan.ts";
import { AbiTrap } from "./abi-trap.ts";
import type { CoreType } from "./layout.ts";

/** A value that a core function takes or returns. */
export type CoreValue = number | bigint;

export type Scalar = Exclude<PrimitiveType, "string">;

/** Returns the value in memory, whose pointer has been checked. */
export const LOAD_SCALAR: Readonly<Record<Scalar, (view: DataView, pointer: number) => unknown>> = {
  bool: (view, pointer) => view.getUint8(pointer) !== 0,
  s8: (view, pointer) => view.getInt8(pointer),
  u8: (view, pointer) => view.getUint8(pointer),
  s16: (view, pointer) => view.getInt16(pointer, true),
  u16: (view, pointer) => view.getUint16(pointer, true),
  s32: (view, pointer) => view.getInt32(pointer, true),
  u32: (view, pointer) => view.getUint32(pointer, true),
  s64: (view, pointer) => view.getBigInt64(pointer, true),
  u64: (view, pointer) => view.getBigUint64(pointer, true),
  f32: (view, pointer) => view.getFloat32(pointer, true),
  f64: (view, pointer) => view.getFloat64(pointer, true),
  char: (view, pointer) => charOf(view.getUint32(pointer, true)),
};

/** Puts the value into memory, whose pointer has been checked. */
export const STORE_SCALAR: Readonly<Record<Scalar, (view: DataView, pointer: number, value: never) => void>> = {
  bool: (view, pointer, value: boolean) => view.setUint8(pointer, value ? 1 : 0),
  s8: (view, pointer, value: number) => view.setInt8(pointer, value),
  u8: (view, pointer, value: number) => view.setUint8(pointer, value),
  s16: (view, pointer, value: number) => view.setInt16(pointer, value, true),
  u16: (view, pointer, value: number) => view.setUint16(pointer, value, true),
  s32: (view, pointer, value: number) => view.setInt32(pointer, value, true),
  u32: (view, pointer, value: number) => view.setUint32(pointer, value, true),
  s64: (view, pointer, value: bigint) => view.setBigInt64(pointer, value, true),
  u64: (view, pointer, value: bigint) => view.setBigUint64(pointer, value, true),
  f32: (view, pointer, value: number) => view.setFloat32(pointer, value, true),
  f64: (view, pointer, value: number) => view.setFloat64(pointer, value, true),
  char: (view, pointer, value: string) => view.setUint32(pointer, codePointOf(value), true),
};

/** Returns the value of a core value of the scalar's own core type; the guest may leave garbage in unused bits. */
export const LIFT_SCALAR: Readonly<Record<Scalar, (core: never) => unknown>> = {
  bool: (core: number) => core !== 0,
  s8: (core: number) => (core << 24) >> 24,
  u8: (core: number) => core & 0xff,
  s16: (core: number) => (core << 16) >> 16,
  u16: (core: number) => core & 0xffff,
  s32: (core: number) => core | 0,
  u32: (core: number) => core >>> 0,
  s64: (core: bigint) => BigInt.asIntN(64, core),
  u64: (core: bigint) => BigInt.asUintN(64, core),
  f32: (core: number) => core,
  f64: (core: number) => core,
  char: (core: number) => charOf(core >>> 0),
};

/** Returns the core value of a scalar. */
export const LOWER_SCALAR: Readonly<Record<Scalar, (value: never) => CoreValue>> = {
  bool: (value: boolean) => (value ? 1 : 0),
  s8: (value: number) => value,
  u8: (value: number) => value,
  s16: (value: number) => value,
  u16: (value: number) => value,
  s32: (value: number) => value,
  u32: (value: number) => value,
  s64: (value: bigint) => value,
  u64: (value: bigint) => value,
  f32: (value: number) => value,
  f64: (value: number) => value,
  char: (value: string) => codePointOf(value),
};

const SCRATCH = new DataView(new ArrayBuffer(8));

/** Returns a core value that was passed as `have`, as the type `want` that it was joined from. */
export function separate(value: CoreValue, have: CoreType, want: CoreType): CoreValue {
  if (have === want) return value;
  if (have === "i64") {
    SCRATCH.setBigInt64(0, value as bigint, true);
    if (want === "f64") return SCRATCH.getFloat64(0, true);
  } else {
    SCRATCH.setInt32(0, value as number, true);
  }
  return want === "f32" ? SCRATCH.getFloat32(0, true) : SCRATCH.getInt32(0, true);
}

/** Returns a core value of type `from` as the wider or other type `into` that several cases share. */
export function joined(value: CoreValue, from: CoreType, into: CoreType): CoreValue {
  if (from === into) return value;
  if (from === "f64") {
    SCRATCH.setFloat64(0, value as number, true);
    return SCRATCH.getBigInt64(0, true);
  }
  if (from === "f32") SCRATCH.setFloat32(0, value as number, true);
  else SCRATCH.setInt32(0, value as number, true);
  return into === "i64" ? BigInt(SCRATCH.getUint32(0, true)) : SCRATCH.getInt32(0, true);
}

function charOf(code: number): string {
  if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff))
    throw new AbiTrap(`${code} is not a Unicode scalar value`);
  return String.fromCodePoint(code);
}

function codePointOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}
