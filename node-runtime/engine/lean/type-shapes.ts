/** The JavaScript shapes of compound values, the same as in jco's embedding, so that one host serves both engines. */
import type { ValueType } from "../../artifacts/binding-plan.ts";
import type { Case } from "./layout.ts";
import { camelCase } from "./names.ts";

/** A variant or result as a value: its case, and the payload where the case has one. */
export interface Tagged {
  tag: string;
  val?: unknown;
}

/** How one kind of variant is told as a case index and a payload, and back. */
export interface VariantShape {
  make(index: number, payload: unknown): unknown;
  indexOf(value: unknown): number;
  payloadOf(value: unknown): unknown;
}

/** `variant` and `result`: `{ tag, val }`. A tag that is not among the cases is a defect of the host's. */
export function taggedShape(cases: readonly Case[]): VariantShape {
  const indexes = new Map(cases.map(({ name }, index) => [name, index]));
  return {
    make(index, payload) {
      const { name, type } = cases[index]!;
      return type === undefined ? { tag: name } : { tag: name, val: payload };
    },
    indexOf(value) {
      const index = indexes.get((value as Tagged).tag);
      if (index === undefined) throw new TypeError(`no case of the variant is called ${(value as Tagged).tag}`);
      return index;
    },
    payloadOf: (value) => (value as Tagged).val,
  };
}

/** `enum`: the name of its case. */
export function enumShape(names: readonly string[]): VariantShape {
  const indexes = new Map(names.map((name, index) => [name, index]));
  return {
    make: (index) => names[index],
    indexOf(value) {
      const index = indexes.get(value as string);
      if (index === undefined) throw new TypeError(`no case of the enum is called ${String(value)}`);
      return index;
    },
    payloadOf: () => undefined,
  };
}

/** `option`: the value or undefined; an option of an option is tagged, since undefined would mean two things. */
export function optionShape(cases: readonly Case[], isNested: boolean): VariantShape {
  if (isNested) return taggedShape(cases);
  return {
    make: (index, payload) => (index === 0 ? undefined : payload),
    indexOf: (value) => (value === undefined || value === null ? 0 : 1),
    payloadOf: (value) => value,
  };
}

/** `flags`: an object with a boolean for each name. */
export function flagsShape(names: readonly string[]): { make(bits: number): unknown; bitsOf(value: unknown): number } {
  const keys = names.map(camelCase);
  return {
    make(bits) {
      const value: Record<string, boolean> = {};
      for (let bit = 0; bit < keys.length; bit++) value[keys[bit]!] = (bits & (1 << bit)) !== 0;
      return value;
    },
    bitsOf(value) {
      let bits = 0;
      for (let bit = 0; bit < keys.length; bit++) if ((value as Record<string, boolean>)[keys[bit]!]) bits |= 1 << bit;
      return bits;
    },
  };
}

type NumericArray = new (buffer: ArrayBuffer) => ArrayBufferView;

/** The typed arrays that lists of numbers are; `list<u8>` is a Uint8Array. */
export const NUMERIC_ARRAYS: ReadonlyMap<ValueType, NumericArray> = new Map<ValueType, NumericArray>([
  ["s8", Int8Array],
  ["u8", Uint8Array],
  ["s16", Int16Array],
  ["u16", Uint16Array],
  ["s32", Int32Array],
  ["u32", Uint32Array],
  ["s64", BigInt64Array],
  ["u64", BigUint64Array],
  ["f32", Float32Array],
  ["f64", Float64Array],
]);
