/**
 * How a component's core modules are bound to the host by the canonical ABI: all that the lean engine knows of a
 * component. The preparer writes it as JSON; indexes point into the plan's own lists.
 *
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
 */
import { readFileSync } from "node:fs";
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { WasmletError, messageOf } from "../../common/errors.ts";

/** What a plan may hold at most; a component beyond it is bound by the general engine. */
export const PLAN_LIMITS = {
  modules: 64,
  steps: 64,
  functions: 4096,
  exports: 256,
  types: 8192,
  /** Fields of one record, cases of one variant, parameters of one function. */
  members: 1024,
  /** How deep a value's type may nest. */
  typeDepth: 32,
  nameLength: 512,
} as const;

const PrimitiveType = Type.Union([
  Type.Literal("bool"),
  Type.Literal("s8"),
  Type.Literal("u8"),
  Type.Literal("s16"),
  Type.Literal("u16"),
  Type.Literal("s32"),
  Type.Literal("u32"),
  Type.Literal("s64"),
  Type.Literal("u64"),
  Type.Literal("f32"),
  Type.Literal("f64"),
  Type.Literal("char"),
  Type.Literal("string"),
]);

const Index = Type.Integer({ minimum: 0, maximum: 65_535 });
const Name = Type.String({ maxLength: PLAN_LIMITS.nameLength });
const Names = Type.Array(Name, { minItems: 1, maxItems: PLAN_LIMITS.members });

/** A primitive by its name, any other type by its index in `types`. */
const ValueType = Type.Union([PrimitiveType, Index]);

const Members = Type.Array(Type.Object({ name: Name, type: ValueType }), { maxItems: PLAN_LIMITS.members });

const TypeDefinition = Type.Union([
  Type.Object({ kind: Type.Literal("record"), fields: Members }),
  Type.Object({
    kind: Type.Literal("variant"),
    cases: Type.Array(Type.Object({ name: Name, type: Type.Optional(ValueType) }), {
      minItems: 1,
      maxItems: PLAN_LIMITS.members,
    }),
  }),
  Type.Object({ kind: Type.Literal("list"), type: ValueType }),
  Type.Object({ kind: Type.Literal("tuple"), types: Type.Array(ValueType, { maxItems: PLAN_LIMITS.members }) }),
  Type.Object({ kind: Type.Literal("flags"), names: Type.Array(Name, { minItems: 1, maxItems: 32 }) }),
  Type.Object({ kind: Type.Literal("enum"), names: Names }),
  Type.Object({ kind: Type.Literal("option"), type: ValueType }),
  Type.Object({ kind: Type.Literal("result"), ok: Type.Optional(ValueType), err: Type.Optional(ValueType) }),
  Type.Object({ kind: Type.Union([Type.Literal("own"), Type.Literal("borrow")]), resource: Index }),
]);

const FunctionType = Type.Object({ params: Members, result: Type.Optional(ValueType) });

/** A core function, memory or table: one that the engine makes, or what the instance of a step exports. */
const CoreRef = Type.Union([Type.Object({ call: Index }), Type.Object({ step: Index, name: Name })]);

/** The canonical options of a function; `utf8` is the only string encoding that the lean engine speaks. */
const Context = Type.Object({ memory: Type.Optional(CoreRef), realloc: Type.Optional(CoreRef) });

const BindingPlan = Type.Object({
  types: Type.Array(TypeDefinition, { maxItems: PLAN_LIMITS.types }),
  resources: Type.Array(Type.Object({ interface: Name, name: Name }), { maxItems: PLAN_LIMITS.types }),
  contexts: Type.Array(Context, { maxItems: PLAN_LIMITS.functions }),
  /** What the core modules import of the engine: host functions, and the drop of a handle. */
  functions: Type.Array(
    Type.Union([
      Type.Object({ kind: Type.Literal("lower"), interface: Name, name: Name, type: FunctionType, context: Index }),
      Type.Object({ kind: Type.Literal("drop"), resource: Index }),
    ]),
    { maxItems: PLAN_LIMITS.functions },
  ),
  /** In order: instances to make of `modules` of the artifact, and functions to call on the way. */
  steps: Type.Array(
    Type.Union([
      Type.Object({
        kind: Type.Literal("instantiate"),
        module: Index,
        imports: Type.Array(Type.Object({ module: Name, name: Name, ref: CoreRef }), {
          maxItems: PLAN_LIMITS.functions,
        }),
      }),
      Type.Object({ kind: Type.Literal("call"), ref: CoreRef }),
    ]),
    { maxItems: PLAN_LIMITS.steps },
  ),
  exports: Type.Array(
    Type.Object({
      interface: Name,
      name: Name,
      type: FunctionType,
      ref: CoreRef,
      context: Index,
      postReturn: Type.Optional(CoreRef),
    }),
    { maxItems: PLAN_LIMITS.exports },
  ),
});

export type BindingPlan = Static<typeof BindingPlan>;
export type PrimitiveType = Static<typeof PrimitiveType>;
export type ValueType = Static<typeof ValueType>;
export type TypeDefinition = Static<typeof TypeDefinition>;
export type FunctionType = Static<typeof FunctionType>;
export type CoreRef = Static<typeof CoreRef>;

const validator = Compile(BindingPlan);

/** Reads a plan; throws ARTIFACT_CACHE_CORRUPT when the file is missing, not a plan or points outside of itself. */
export function readBindingPlan(file: string): BindingPlan {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw corrupt(file, messageOf(cause), cause);
  }
  if (!validator.Check(value)) throw corrupt(file, validator.Errors(value)[0]?.message ?? "it has another shape");
  const problem = danglingIndex(value);
  if (problem !== undefined) throw corrupt(file, problem);
  return value;
}

function corrupt(where: string, why: string, cause?: unknown): WasmletError {
  return new WasmletError("ARTIFACT_CACHE_CORRUPT", `a component's binding plan is not valid: ${why}`, {
    where,
    cause,
  });
}

/** Returns what points outside of the plan, or forwards where only backwards ends; undefined when nothing does. */
export function danglingIndex(plan: BindingPlan): string | undefined {
  const isResource = (index: number): boolean => index < plan.resources.length;
  for (const [index, definition] of plan.types.entries()) {
    const fine =
      definition.kind === "own" || definition.kind === "borrow"
        ? isResource(definition.resource)
        : childrenOf(definition).every((child) => isBelow(child, index));
    if (!fine) return `type ${index} points at what is not before it`;
  }
  const isCall = (ref: CoreRef, steps: number): boolean =>
    "call" in ref ? ref.call < plan.functions.length : ref.step < steps && plan.steps[ref.step]!.kind === "instantiate";
  const isFunction = ({ params, result }: FunctionType): boolean =>
    isBelow(result, plan.types.length) && params.every(({ type }) => isBelow(type, plan.types.length));
  const everyStep = plan.steps.length;
  for (const entry of plan.functions) {
    if (entry.kind === "drop" && !isResource(entry.resource)) return "a drop is of no resource";
    if (entry.kind === "lower" && !(isFunction(entry.type) && entry.context < plan.contexts.length)) {
      return `the import ${entry.name} points outside of the plan`;
    }
  }
  for (const [index, step] of plan.steps.entries()) {
    const refs = step.kind === "call" ? [step.ref] : step.imports.map(({ ref }) => ref);
    if (!refs.every((ref) => isCall(ref, index))) return `step ${index} needs what is not before it`;
  }
  for (const { memory, realloc } of plan.contexts) {
    if ((memory && !isCall(memory, everyStep)) || (realloc && !isCall(realloc, everyStep))) return "a context dangles";
  }
  for (const { name, type, ref, context, postReturn } of plan.exports) {
    const fine = isFunction(type) && context < plan.contexts.length && isCall(ref, everyStep);
    if (!fine || (postReturn && !isCall(postReturn, everyStep))) return `the export ${name} points outside of the plan`;
  }
  return undefined;
}

function isBelow(type: ValueType | undefined, limit: number): boolean {
  return typeof type !== "number" || type < limit;
}

/** Returns the types that a value of this type is made of. */
export function childrenOf(definition: TypeDefinition): ReadonlyArray<ValueType | undefined> {
  switch (definition.kind) {
    case "record":
      return definition.fields.map(({ type }) => type);
    case "variant":
      return definition.cases.map(({ type }) => type);
    case "tuple":
      return definition.types;
    case "list":
    case "option":
      return [definition.type];
    case "result":
      return [definition.ok, definition.err];
    default:
      return [];
  }
}
