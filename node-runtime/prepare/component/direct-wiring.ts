import type { BindingPlan, CoreRef } from "../../artifacts/binding-plan.ts";
import type { CoreModule } from "./core-wiring.ts";
import { NotLean } from "./not-lean.ts";
import { readFixup, readShim, type FixupModule, type ShimModule } from "./indirection-modules.ts";

type Step = BindingPlan["steps"][number];
type Instantiate = Extract<Step, { kind: "instantiate" }>;

/** A shim, the fixup that fills it, and what the fixup fills it with. */
interface Knot {
  shimStep: number;
  fixupStep: number;
  /** What stands in for each export of the shim. */
  targets: ReadonlyMap<string, CoreRef>;
  start: CoreRef | undefined;
}

/**
 * Returns the plan without the indirection of wit-component where there is one: whoever imports of the shim imports the
 * host function itself, shim and fixup are not instantiated, and the fixup's start function is a step of its own.
 */
export function wireDirectly(plan: BindingPlan, modules: readonly CoreModule[]): BindingPlan {
  const knot = findKnot(plan, modules);
  if (knot === undefined) return plan;
  const resolve = (ref: CoreRef): CoreRef => {
    if ("call" in ref) return ref;
    if (ref.step === knot.shimStep) return knot.targets.get(ref.name) ?? noTarget(ref.name);
    return { ...ref, step: newIndex.get(ref.step)! };
  };
  const kept = plan.steps.flatMap((step, index): { index: number; step: Step }[] => {
    if (index === knot.shimStep) return [];
    if (index !== knot.fixupStep) return [{ index, step }];
    return knot.start === undefined ? [] : [{ index, step: { kind: "call", ref: knot.start } }];
  });
  const newIndex = new Map(kept.map(({ index }, position) => [index, position]));
  return {
    ...plan,
    steps: kept.map(({ step }) => withRefs(step, resolve)),
    contexts: plan.contexts.map(({ memory, realloc }) => ({
      ...(memory && { memory: resolve(memory) }),
      ...(realloc && { realloc: resolve(realloc) }),
    })),
    exports: plan.exports.map(({ postReturn, ...rest }) => ({
      ...rest,
      ref: resolve(rest.ref),
      ...(postReturn && { postReturn: resolve(postReturn) }),
    })),
  };
}

function withRefs(step: Step, resolve: (ref: CoreRef) => CoreRef): Step {
  if (step.kind === "call") return { kind: "call", ref: resolve(step.ref) };
  const imports = step.imports.map(({ module, name, ref }) => ({ module, name, ref: resolve(ref) }));
  return { kind: "instantiate", module: step.module, imports };
}

function noTarget(name: string): never {
  throw new NotLean(`an indirection lacks its export ${name}`);
}

/** Finds the one shim and its one fixup, when all that the fixup fills in are host functions. */
function findKnot(plan: BindingPlan, modules: readonly CoreModule[]): Knot | undefined {
  const shims = stepsThatAre(plan, modules, readShim);
  const fixups = stepsThatAre(plan, modules, readFixup);
  const [shim, fixup] = [shims[0], fixups[0]];
  if (shims.length !== 1 || fixups.length !== 1 || shim === undefined || fixup === undefined) return undefined;
  const given = (wanted: { module: string; name: string }): CoreRef | undefined =>
    fixup.step.imports.find(({ module, name }) => module === wanted.module && name === wanted.name)?.ref;
  const slots = fixup.found.slots.map(given);
  const isTable = ({ ref }: { ref: CoreRef }): boolean =>
    "step" in ref && ref.step === shim.index && ref.name === shim.found.table;
  const table = given(fixup.found.table);
  const start = fixup.found.start && given(fixup.found.start);
  const fits =
    table !== undefined &&
    isTable({ ref: table }) &&
    slots.length === shim.found.slots.size &&
    slots.every((slot) => slot !== undefined && "call" in slot) &&
    plan.steps.every((step, index) => index === fixup.index || step.kind === "call" || !step.imports.some(isTable)) &&
    !refersTo(start, shim.index);
  if (!fits) return undefined;
  const targets = new Map([...shim.found.slots].map(([name, slot]) => [name, slots[slot]!]));
  return { shimStep: shim.index, fixupStep: fixup.index, targets, start };
}

function refersTo(ref: CoreRef | undefined, step: number): boolean {
  return ref !== undefined && "step" in ref && ref.step === step;
}

function stepsThatAre<T extends ShimModule | FixupModule>(
  plan: BindingPlan,
  modules: readonly CoreModule[],
  read: (bytes: Uint8Array) => T | undefined,
): { index: number; step: Instantiate; found: T }[] {
  return plan.steps.flatMap((step, index) => {
    const found = step.kind === "instantiate" ? read(modules[step.module]!.bytes) : undefined;
    return found === undefined ? [] : [{ index, step: step as Instantiate, found }];
  });
}
