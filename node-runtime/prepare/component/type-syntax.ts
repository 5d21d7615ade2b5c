/**
 * The types of a component as they stand in its binary, before their indexes mean anything.
 *
 *   type         := defvaltype | functype 0x40 | componenttype 0x41 | instancetype 0x42 | resourcetype 0x3f
 *   instancedecl := 0x00 core:type | 0x01 type | 0x02 alias | 0x04 exportdecl
 *
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#type-definitions
 */
import type { PrimitiveType } from "../../artifacts/binding-plan.ts";
import type { ByteReader } from "./byte-reader.ts";
import { readExternName } from "./extern-name.ts";
import { NotLean } from "./not-lean.ts";

/** A primitive by its name, any other type by its index in the scope where it stands. */
export type TypeRef = PrimitiveType | number;

/** A type definition with indexes into its scope. */
export type TypeSyntax =
  | { kind: "primitive"; name: PrimitiveType }
  | { kind: "record"; fields: { name: string; type: TypeRef }[] }
  | { kind: "variant"; cases: { name: string; type: TypeRef | undefined }[] }
  | { kind: "list"; type: TypeRef }
  | { kind: "tuple"; types: TypeRef[] }
  | { kind: "flags"; names: string[] }
  | { kind: "enum"; names: string[] }
  | { kind: "option"; type: TypeRef }
  | { kind: "result"; ok: TypeRef | undefined; err: TypeRef | undefined }
  | { kind: "own" | "borrow"; resource: number }
  | { kind: "func"; params: { name: string; type: TypeRef }[]; result: TypeRef | undefined }
  | { kind: "instance"; declarations: Declaration[] }
  | { kind: "component" };

/** What an import or an export is said to be. */
export type ExternType =
  | { sort: "func" | "instance" | "component"; type: number }
  | { sort: "type"; equals: number | undefined };

/** One line of an instance or component type. */
export type Declaration =
  | { kind: "type"; type: TypeSyntax }
  | { kind: "alias-outer"; scopes: number; index: number }
  | { kind: "alias-export"; instance: number; name: string; sort: number }
  | { kind: "export"; name: string; type: ExternType };

/** Types within types within types: far more than any toolchain writes. */
const MAX_SYNTAX_DEPTH = 16;

const PRIMITIVES: ReadonlyMap<number, PrimitiveType> = new Map<number, PrimitiveType>([
  [0x7f, "bool"],
  [0x7e, "s8"],
  [0x7d, "u8"],
  [0x7c, "s16"],
  [0x7b, "u16"],
  [0x7a, "s32"],
  [0x79, "u32"],
  [0x78, "s64"],
  [0x77, "u64"],
  [0x76, "f32"],
  [0x75, "f64"],
  [0x74, "char"],
  [0x73, "string"],
]);

const UNSUPPORTED: ReadonlyMap<number, string> = new Map([
  [0x3f, "it defines resources of its own"],
  [0x43, "it has async functions"],
  [0x63, "it uses maps"],
  [0x64, "it uses error contexts"],
  [0x65, "it uses futures"],
  [0x66, "it uses streams"],
  [0x67, "it uses lists of fixed length"],
]);

/** Reads one type definition; throws NotLean on a kind that the lean engine does not bind. */
export function readType(reader: ByteReader, depth = 0): TypeSyntax {
  if (depth > MAX_SYNTAX_DEPTH) throw new NotLean("its type definitions nest too deep");
  const opcode = reader.byte();
  const primitive = PRIMITIVES.get(opcode);
  if (primitive !== undefined) return { kind: "primitive", name: primitive };
  switch (opcode) {
    case 0x72:
      return { kind: "record", fields: readMembers(reader) };
    case 0x71:
      return { kind: "variant", cases: reader.vector(() => readCase(reader)) };
    case 0x70:
      return { kind: "list", type: readTypeRef(reader) };
    case 0x6f:
      return { kind: "tuple", types: reader.vector(() => readTypeRef(reader)) };
    case 0x6e:
      return { kind: "flags", names: reader.vector(() => reader.name()) };
    case 0x6d:
      return { kind: "enum", names: reader.vector(() => reader.name()) };
    case 0x6b:
      return { kind: "option", type: readTypeRef(reader) };
    case 0x6a:
      return { kind: "result", ok: readOptionalTypeRef(reader), err: readOptionalTypeRef(reader) };
    case 0x69:
      return { kind: "own", resource: reader.u32() };
    case 0x68:
      return { kind: "borrow", resource: reader.u32() };
    case 0x40:
      return { kind: "func", params: readMembers(reader), result: readResult(reader) };
    case 0x41:
      reader.vector(() => readComponentDeclaration(reader, depth));
      return { kind: "component" };
    case 0x42:
      return { kind: "instance", declarations: reader.vector(() => readDeclaration(reader, reader.byte(), depth)) };
    default:
      throw new NotLean(UNSUPPORTED.get(opcode) ?? `it has a type of an unknown kind (0x${opcode.toString(16)})`);
  }
}

/** Reads what an import or an export is said to be. */
export function readExternType(reader: ByteReader): ExternType {
  const sort = reader.byte();
  switch (sort) {
    case 0x01:
      return { sort: "func", type: reader.u32() };
    case 0x03:
      return { sort: "type", equals: reader.byte() === 0x00 ? reader.u32() : undefined };
    case 0x04:
      return { sort: "component", type: reader.u32() };
    case 0x05:
      return { sort: "instance", type: reader.u32() };
    case 0x00:
      throw new NotLean("it imports or exports core modules");
    default:
      throw new NotLean("it imports or exports values");
  }
}

function readMembers(reader: ByteReader): { name: string; type: TypeRef }[] {
  return reader.vector(() => ({ name: reader.name(), type: readTypeRef(reader) }));
}

function readCase(reader: ByteReader): { name: string; type: TypeRef | undefined } {
  const entry = { name: reader.name(), type: readOptionalTypeRef(reader) };
  if (reader.byte() !== 0x00) throw new NotLean("a variant's case refines another");
  return entry;
}

function readResult(reader: ByteReader): TypeRef | undefined {
  if (reader.byte() === 0x00) return readTypeRef(reader);
  if (reader.byte() !== 0x00) throw new NotLean("a function has named results");
  return undefined;
}

function readOptionalTypeRef(reader: ByteReader): TypeRef | undefined {
  return reader.byte() === 0x00 ? undefined : readTypeRef(reader);
}

/** Primitives are negative in signed LEB128, one byte long; indexes are not negative. */
function readTypeRef(reader: ByteReader): TypeRef {
  const first = reader.peek();
  if (first === undefined || first < 0x40 || first >= 0x80) return reader.u32();
  reader.byte();
  const primitive = PRIMITIVES.get(first);
  if (primitive === undefined) throw new NotLean(UNSUPPORTED.get(first) ?? "it uses an unknown primitive type");
  return primitive;
}

function readComponentDeclaration(reader: ByteReader, depth: number): void {
  const opcode = reader.byte();
  if (opcode !== 0x03) return void readDeclaration(reader, opcode, depth);
  readExternName(reader);
  readExternType(reader);
}

function readDeclaration(reader: ByteReader, opcode: number, depth: number): Declaration {
  switch (opcode) {
    case 0x01:
      return { kind: "type", type: readType(reader, depth + 1) };
    case 0x02:
      return readAlias(reader);
    case 0x04:
      return { kind: "export", name: readExternName(reader), type: readExternType(reader) };
    default:
      throw new NotLean("it has core types within component types");
  }
}

function readAlias(reader: ByteReader): Declaration {
  const sort = reader.byte();
  const target = sort === 0x00 ? undefined : reader.byte();
  if (target === 0x02) {
    if (sort !== 0x03) throw new NotLean("a type reaches for something that is no type");
    return { kind: "alias-outer", scopes: reader.u32(), index: reader.u32() };
  }
  if (target === 0x00) return { kind: "alias-export", instance: reader.u32(), name: reader.name(), sort };
  throw new NotLean("it has core aliases within component types");
}
