import fc from "fast-check";
import { Type as Typebox } from "typebox";
import { Check } from "typebox/schema";
import { expect, test } from "vitest";
import { type Schema, Type } from "./schema.ts";

/*
 * The second judge is typebox, whose words these are: a schema is built twice by the same function, and both must say
 * the same of any value.
 */

type Builders = typeof Type;
type Build = (builders: Builders) => Schema<unknown>;

const bounds = fc.tuple(fc.nat(4), fc.nat(4)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const names = fc.constantFrom("a", "b", "c");

const { schema } = fc.letrec<{ schema: Build }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Build>((type) => type.Boolean()),
    fc.constantFrom("a", 1, true).map(
      (literal): Build =>
        (type) =>
          type.Literal(literal),
    ),
    bounds.map(
      ([minimum, maximum]): Build =>
        (type) =>
          type.Number({ minimum, maximum }),
    ),
    bounds.map(
      ([minimum, maximum]): Build =>
        (type) =>
          type.Integer({ minimum, maximum }),
    ),
    bounds.map(
      ([minLength, maxLength]): Build =>
        (type) =>
          type.String({ minLength, maxLength }),
    ),
    fc.constantFrom<Build>((type) => type.String({ pattern: "^[ab]{1,2}$" })),
    fc.tuple(tie("schema"), bounds).map(
      ([item, [minItems, maxItems]]): Build =>
        (type) =>
          type.Array(item(type), { minItems, maxItems }),
    ),
    fc.array(tie("schema"), { maxLength: 3 }).map(
      (items): Build =>
        (type) =>
          type.Tuple(items.map((build) => build(type))),
    ),
    fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map(
      (forms): Build =>
        (type) =>
          type.Union(forms.map((build) => build(type))),
    ),
    fc.tuple(tie("schema"), fc.nat(2)).map(([item, maxProperties]): Build => (type) => {
      return type.Record(type.String({ maxLength: 8 }), item(type), { maxProperties });
    }),
    fc.dictionary(names, fc.tuple(tie("schema"), fc.boolean())).map((properties): Build => (type) => {
      const built = Object.entries(properties).map(([name, [build, isOptional]]) => {
        return [name, isOptional ? type.Optional(build(type)) : build(type)] as const;
      });
      return type.Object(Object.fromEntries(built));
    }),
  ),
}));

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>(null, undefined, true, "", "a", "ab", "abcd", 0, 1, 2.5, 4, Number.NaN, Infinity, 1n),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(names, tie("value")),
  ),
}));

test("schemas: what they accept is what typebox accepts", () => {
  let accepted = 0;
  fc.assert(
    fc.property(schema, value, (build, value) => {
      const ours = build(Type).accepts(value);
      if (ours) accepted++;
      expect(ours).toBe(Check(build(Typebox as unknown as Builders) as object, value));
    }),
    { numRuns: 5000 },
  );
  // Values that never fit would say nothing.
  expect(accepted).toBeGreaterThan(100);
});

const Message = Type.Object({
  type: Type.Union([Type.Literal("load"), Type.Literal("unload")]),
  app: Type.Object({ args: Type.Array(Type.String({ maxLength: 3 })) }),
});

test.each([
  [{ type: "load", app: { args: ["ok", "too long"] } }, "/app/args/1", "a text of 0 to 3 characters"],
  [{ type: "load", app: {} }, "/app/args", "to be there"],
  [{ type: "ping" }, "/type", '"load" or "unload"'],
  [[], "", "a mapping"],
])("schemas: %j does not fit at %s", (value, path, expected) => {
  expect(Message.mismatch(value)).toEqual({ path, expected });
});

test("schemas: a property that the prototype has is not the value's own", () => {
  expect(Type.Object({ toString: Type.Optional(Type.String()) }).accepts({})).toBe(true);
  expect(Type.Object({ constructor: Type.Literal("x") }).accepts({})).toBe(false);
});
