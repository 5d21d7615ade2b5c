/**
 * How a component's core modules are bound to the host by the canonical ABI: all that the lean engine knows of a
 * component. The preparer writes it as JSON; indexes point into the plan's own lists.
 *
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
 */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { WasmletError, messageOf } from "../../common/errors.ts";
import { integer, listOf, text } from "../../common/shapes.ts";

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

const PrimitiveType = v.picklist([
  "bool",
  "s8",
  "u8",
  "s16",
  "u16",
  "s32",
  "u32",
  "s64",
  "u64",
  "f32",
  "f64",
  "char",
  "string",
]);

const Index = integer(0, 65_535);
const Name = text(PLAN_LIMITS.nameLength);
const Names = listOf(Name, PLAN_LIMITS.members, 1);

/** A primitive by its name, any other type by its index in `types`. */
const ValueType = v.union([PrimitiveType, Index]);

const Members = listOf(v.object({ name: Name, type: ValueType }), PLAN_LIMITS.members);

const TypeDefinition = v.union([
  v.object({ kind: v.literal("record"), fields: Members }),
  v.object({
    kind: v.literal("variant"),
    cases: listOf(v.object({ name: Name, type: v.optional(ValueType) }), PLAN_LIMITS.members, 1),
  }),
  v.object({ kind: v.literal("list"), type: ValueType }),
  v.object({ kind: v.literal("tuple"), types: listOf(ValueType, PLAN_LIMITS.members) }),
  v.object({ kind: v.literal("flags"), names: listOf(Name, 32, 1) }),
  v.object({ kind: v.literal("enum"), names: Names }),
  v.object({ kind: v.literal("option"), type: ValueType }),
  v.object({ kind: v.literal("result"), ok: v.optional(ValueType), err: v.optional(ValueType) }),
  v.object({ kind: v.picklist(["own", "borrow"]), resource: Index }),
]);

const FunctionType = v.object({ params: Members, result: v.optional(ValueType) });

/** A core function, memory or table: one that the engine makes, or what the instance of a step exports. */
const CoreRef = v.union([v.object({ call: Index }), v.object({ step: Index, name: Name })]);

/** The canonical options of a function; `utf8` is the only string encoding that the lean engine speaks. */
const Context = v.object({ memory: v.optional(CoreRef), realloc: v.optional(CoreRef) });

const BindingPlan = v.object({
  types: listOf(TypeDefinition, PLAN_LIMITS.types),
  resources: listOf(v.object({ interface: Name, name: Name }), PLAN_LIMITS.types),
  contexts: listOf(Context, PLAN_LIMITS.functions),
  /** What the core modules import of the engine: host functions, and the drop of a handle. */
  functions: listOf(
    v.union([
      v.object({ kind: v.literal("lower"), interface: Name, name: Name, type: FunctionType, context: Index }),
      v.object({ kind: v.literal("drop"), resource: Index }),
    ]),
    PLAN_LIMITS.functions,
  ),
  /** In order: instances to make of `modules` of the artifact, and functions to call on the way. */
  steps: listOf(
    v.union([
      v.object({
        kind: v.literal("instantiate"),
        module: Index,
        imports: listOf(v.object({ module: Name, name: Name, ref: CoreRef }), PLAN_LIMITS.functions),
      }),
      v.object({ kind: v.literal("call"), ref: CoreRef }),
    ]),
    PLAN_LIMITS.steps,
  ),
  exports: listOf(
    v.object({
      interface: Name,
      name: Name,
      type: FunctionType,
      ref: CoreRef,
      context: Index,
      postReturn: v.optional(CoreRef),
    }),
    PLAN_LIMITS.exports,
  ),
});

export type BindingPlan = v.InferOutput<typeof BindingPlan>;
export type PrimitiveType = v.InferOutput<typeof PrimitiveType>;
export type ValueType = v.InferOutput<typeof ValueType>;
export type TypeDefinition = v.InferOutput<typeof TypeDefinition>;
export type FunctionType = v.InferOutput<typeof FunctionType>;
export type CoreRef = v.InferOutput<typeof CoreRef>;

/** Reads a plan; throws ARTIFACT_CACHE_CORRUPT when the file is missing, not a plan or points outside of itself. */
export function readBindingPlan(file: string): BindingPlan {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw corrupt(file, messageOf(cause), cause);
  }
  const { success, output, issues } = v.safeParse(BindingPlan, value, { abortEarly: true });
  if (!success) throw corrupt(file, `${v.getDotPath(issues[0]) ?? "the whole"}: ${issues[0].message}`);
  const problem = danglingIndex(output);
  if (problem !== undefined) throw corrupt(file, problem);
  return output;
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
