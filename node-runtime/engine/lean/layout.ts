import type { BindingPlan, TypeDefinition, ValueType } from "../../artifacts/binding-plan.ts";

export type CoreType = "i32" | "i64" | "f32" | "f64";

/** More core values than any function passes flat: beyond them a value goes through memory. */
export const MAX_FLAT_PARAMS = 16;
export const MAX_FLAT_RESULTS = 1;

/** How a type lies in memory, in bytes, and the core values it is flattened to, cut off after the 17th. */
export interface Layout {
  size: number;
  alignment: number;
  flat: readonly CoreType[];
}

const scalar = (size: number, flat: CoreType): Layout => ({ size, alignment: size, flat: [flat] });

const SCALARS: Readonly<Record<string, Layout>> = {
  bool: scalar(1, "i32"),
  s8: scalar(1, "i32"),
  u8: scalar(1, "i32"),
  s16: scalar(2, "i32"),
  u16: scalar(2, "i32"),
  s32: scalar(4, "i32"),
  u32: scalar(4, "i32"),
  s64: scalar(8, "i64"),
  u64: scalar(8, "i64"),
  f32: scalar(4, "f32"),
  f64: scalar(8, "f64"),
  char: scalar(4, "i32"),
  string: { size: 8, alignment: 4, flat: ["i32", "i32"] },
};

const LIST: Layout = { size: 8, alignment: 4, flat: ["i32", "i32"] };

/** A case of a variant, or what an option, result or enum is as one. */
export interface Case {
  name: string;
  type: ValueType | undefined;
}

/** Finds out how the types of a plan are laid out, each once. */
export class Layouts {
  readonly #types: BindingPlan["types"];
  readonly #known: (Layout | undefined)[] = [];

  constructor(types: BindingPlan["types"]) {
    this.#types = types;
  }

  of(type: ValueType): Layout {
    if (typeof type === "string") return SCALARS[type]!;
    return (this.#known[type] ??= this.#layout(this.#types[type]!));
  }

  /** Where each member of a record lies, and the record's own layout. */
  record(types: readonly ValueType[]): Layout & { offsets: number[] } {
    let [size, alignment] = [0, 1];
    const flat: CoreType[] = [];
    const offsets = types.map((type) => {
      const member = this.of(type);
      const offset = alignTo(size, member.alignment);
      size = offset + member.size;
      alignment = Math.max(alignment, member.alignment);
      appendFlat(flat, member.flat);
      return offset;
    });
    return { size: alignTo(size, alignment), alignment, flat, offsets };
  }

  /** How wide a variant's discriminant is, where its payload lies, and the variant's own layout. */
  variant(cases: readonly Case[]): Layout & { discriminantSize: number; payloadOffset: number } {
    const discriminantSize = cases.length <= 0x100 ? 1 : cases.length <= 0x1_0000 ? 2 : 4;
    let [size, alignment] = [0, 1];
    const payload: CoreType[] = [];
    for (const { type } of cases) {
      if (type === undefined) continue;
      const layout = this.of(type);
      size = Math.max(size, layout.size);
      alignment = Math.max(alignment, layout.alignment);
      for (const [index, core] of layout.flat.entries()) {
        const before = payload[index];
        payload[index] = before === undefined ? core : join(before, core);
      }
    }
    const payloadOffset = alignTo(discriminantSize, alignment);
    const whole = Math.max(alignment, discriminantSize);
    const flat: CoreType[] = ["i32"];
    appendFlat(flat, payload);
    return { size: alignTo(payloadOffset + size, whole), alignment: whole, flat, discriminantSize, payloadOffset };
  }

  #layout(definition: TypeDefinition): Layout {
    switch (definition.kind) {
      case "record":
        return this.record(definition.fields.map(({ type }) => type));
      case "tuple":
        return this.record(definition.types);
      case "list":
        return LIST;
      case "flags":
        return SCALARS[flagsScalar(definition.names.length)]!;
      case "own":
      case "borrow":
        return scalar(4, "i32");
      default:
        return this.variant(casesOf(definition));
    }
  }
}

/** Returns the cases of what is a variant in disguise. */
export function casesOf(
  definition: Extract<TypeDefinition, { kind: "variant" | "enum" | "option" | "result" }>,
): Case[] {
  switch (definition.kind) {
    case "variant":
      return definition.cases.map(({ name, type }) => ({ name, type }));
    case "enum":
      return definition.names.map((name) => ({ name, type: undefined }));
    case "option":
      return [
        { name: "none", type: undefined },
        { name: "some", type: definition.type },
      ];
    default:
      return [
        { name: "ok", type: definition.ok },
        { name: "err", type: definition.err },
      ];
  }
}

/** The number that flags with so many names are. */
export function flagsScalar(count: number): "u8" | "u16" | "u32" {
  return count <= 8 ? "u8" : count <= 16 ? "u16" : "u32";
}

function alignTo(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** The core type that holds either of two; https://github.com/WebAssembly/component-model `join` in CanonicalABI.md. */
function join(one: CoreType, other: CoreType): CoreType {
  if (one === other) return one;
  const narrow = (type: CoreType): boolean => type === "i32" || type === "f32";
  return narrow(one) && narrow(other) ? "i32" : "i64";
}

function appendFlat(flat: CoreType[], more: readonly CoreType[]): void {
  for (const core of more) if (flat.length <= MAX_FLAT_PARAMS) flat.push(core);
}
