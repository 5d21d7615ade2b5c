import fc from "fast-check";
import { expect, test } from "vitest";
import type { PrimitiveType } from "../../artifacts/binding-plan.ts";
import { instanceOver, leanProgram, TEST_INTERFACE } from "./test-component.ts";

/*
 * Values of any type, passed into a guest and out of it again: as core values where they fit, through memory where they
 * do not. The guest does nothing; what comes out is what went in.
 */

/** A type of the component model, as a test makes it up. */
type Shape =
  | { kind: "primitive"; name: PrimitiveType }
  | { kind: "list" | "option"; of: Shape }
  | { kind: "record" | "tuple" | "variant"; of: Shape[] }
  | { kind: "result"; ok: Shape | undefined; err: Shape | undefined }
  | { kind: "enum" | "flags"; count: number };

const PRIMITIVE_VALUES: Readonly<Record<PrimitiveType, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  s8: fc.integer({ min: -0x80, max: 0x7f }),
  u8: fc.integer({ min: 0, max: 0xff }),
  s16: fc.integer({ min: -0x8000, max: 0x7fff }),
  u16: fc.integer({ min: 0, max: 0xffff }),
  s32: fc.integer(),
  u32: fc.nat(0xffff_ffff),
  s64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  f32: fc.float({ noNaN: true }),
  f64: fc.double(),
  char: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  string: fc.string({ unit: "binary", maxLength: 50 }),
};

const TYPED_ARRAYS: Readonly<Partial<Record<PrimitiveType, { from(values: never[]): unknown }>>> = {
  s8: Int8Array,
  u8: Uint8Array,
  s16: Int16Array,
  u16: Uint16Array,
  s32: Int32Array,
  u32: Uint32Array,
  s64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
};

const primitive = fc
  .constantFrom(...(Object.keys(PRIMITIVE_VALUES) as PrimitiveType[]))
  .map((name): Shape => ({ kind: "primitive", name }));

const { shape: anyShape } = fc.letrec<{ shape: Shape }>((tie) => {
  const optional = fc.option(tie("shape"), { nil: undefined });
  return {
    shape: fc.oneof(
      { maxDepth: 4, depthIdentifier: "type" },
      { weight: 2, arbitrary: primitive },
      fc.record({ kind: fc.constantFrom("list" as const, "option" as const), of: tie("shape") }),
      fc.record({
        kind: fc.constantFrom("record" as const, "tuple" as const, "variant" as const),
        of: fc.array(tie("shape"), { minLength: 1, maxLength: 5 }),
      }),
      fc.record({ kind: fc.constant("result" as const), ok: optional, err: optional }),
      fc.record({ kind: fc.constantFrom("enum" as const, "flags" as const), count: fc.integer({ min: 1, max: 32 }) }),
    ),
  };
});

/** Values of a shape as the host sees them. */
function valuesOf(shape: Shape): fc.Arbitrary<unknown> {
  const tagged = (tag: string, of: Shape | undefined): fc.Arbitrary<unknown> =>
    of === undefined ? fc.constant({ tag }) : valuesOf(of).map((val) => ({ tag, val }));
  switch (shape.kind) {
    case "primitive":
      return PRIMITIVE_VALUES[shape.name];
    case "list": {
      const array = shape.of.kind === "primitive" ? TYPED_ARRAYS[shape.of.name] : undefined;
      const values = fc.array(valuesOf(shape.of), { maxLength: 4 });
      return array === undefined ? values : values.map((list) => array.from(list as never[]));
    }
    case "option":
      return shape.of.kind === "option"
        ? fc.oneof(tagged("none", undefined), tagged("some", shape.of))
        : fc.option(valuesOf(shape.of), { nil: undefined });
    case "tuple":
      return fc.tuple(...shape.of.map(valuesOf));
    case "record":
      return fc.record(Object.fromEntries(shape.of.map((field, index) => [`aField${index}`, valuesOf(field)])));
    case "variant":
      return fc.oneof(...shape.of.map((of, index) => tagged(`case-${index}`, of)));
    case "result":
      return fc.oneof(tagged("ok", shape.ok), tagged("err", shape.err));
    case "enum":
      return fc.nat(shape.count - 1).map((index) => `case-${index}`);
    default:
      return fc.record(Object.fromEntries(indexes(shape.count).map((index) => [`aFlag${index}`, fc.boolean()])));
  }
}

/** Writes the definitions of a shape in WAT; returns how to refer to it. Named kinds are exported, as WIT does. */
function define(shape: Shape, lines: string[]): string {
  const inner = (of: Shape | undefined): string => (of === undefined ? "" : define(of, lines));
  const add = (definition: string): string => {
    lines.push(
      `(type $t${lines.length} ${definition}) (export "t${lines.length}" (type $x${lines.length} (eq $t${lines.length})))`,
    );
    return `$x${lines.length - 1}`;
  };
  switch (shape.kind) {
    case "primitive":
      return shape.name;
    case "list":
    case "option":
      return add(`(${shape.kind} ${inner(shape.of)})`);
    case "tuple":
      return add(`(tuple ${shape.of.map(inner).join(" ")})`);
    case "record":
      return add(`(record ${shape.of.map((of, index) => `(field "a-field${index}" ${inner(of)})`).join(" ")})`);
    case "variant":
      return add(`(variant ${shape.of.map((of, index) => `(case "case-${index}" ${inner(of)})`).join(" ")})`);
    case "result": {
      const err = shape.err === undefined ? "" : `(error ${inner(shape.err)})`;
      return add(`(result ${inner(shape.ok)} ${err})`);
    }
    case "enum":
      return add(
        `(enum ${indexes(shape.count)
          .map((index) => `"case-${index}"`)
          .join(" ")})`,
      );
    default:
      return add(
        `(flags ${indexes(shape.count)
          .map((index) => `"a-flag${index}"`)
          .join(" ")})`,
      );
  }
}

function indexes(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** A component that passes a value on: `take` with it as an argument, `give` with a list of it as the result. */
function passingComponent(shape: Shape): string {
  const lines: string[] = [];
  const ref = define(shape, lines);
  const aliases = lines.map((_, index) => `(alias export $api "t${index}" (type $x${index}))`).join("\n");
  return `(component
    (import "${TEST_INTERFACE}" (instance $api
      ${lines.join("\n")}
      (type $several (list ${ref}))
      (export "take" (func (param "value" ${ref})))
      (export "give" (func (result $several)))))
    ${aliases}
    (core module $memory
      (memory (export "memory") 16)
      (global $next (mut i32) (i32.const 64))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and
          (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get 2))))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        local.get $at))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (core func $take (canon lower (func $api "take") (memory $mem) (realloc $realloc)))
    (core func $give (canon lower (func $api "give") (memory $mem) (realloc $realloc)))
    (core module $main
      (import "host" "give" (func $give (param i32)))
      (func (export "give") (result i32) i32.const 8 call $give i32.const 8))
    (core instance $main (instantiate $main (with "host" (instance (export "give" (func $give))))))
    (type $several (list ${ref}))
    (func (export "take") (param "value" ${ref}) (canon lift (core func $take) (memory $mem) (realloc $realloc)))
    (func (export "give") (result $several) (canon lift (core func $main "give") (memory $mem) (realloc $realloc))))`;
}

const VALUE_IN_SHAPE = anyShape.chain((shape) =>
  fc.record({ shape: fc.constant(shape), values: fc.array(valuesOf(shape), { minLength: 1, maxLength: 3 }) }),
);

test("canonical ABI: any value of any type comes through as it went in", async () => {
  await fc.assert(
    fc.asyncProperty(VALUE_IN_SHAPE, async ({ shape, values }) => {
      const program = await leanProgram(passingComponent(shape));
      const taken: unknown[] = [];
      const instance = await instanceOver(program, {
        take: (value: unknown) => void taken.push(structuredClone(value)),
        give: () => values,
      });
      for (const value of values) await instance.call(0, [value]);
      expect(taken).toEqual(values);
      const given = (await instance.call(1, [])) as ArrayLike<unknown>;
      expect(Array.from(given)).toEqual(values);
    }),
    { numRuns: 150 },
  );
});
