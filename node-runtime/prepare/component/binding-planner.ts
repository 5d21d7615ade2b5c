import { danglingIndex, PLAN_LIMITS, type BindingPlan } from "../../artifacts/binding-plan.ts";
import { ComponentEvaluator } from "./component-evaluator.ts";
import { CoreWiring } from "./core-wiring.ts";
import { wireDirectly } from "./direct-wiring.ts";
import type { FuncEntity, InstanceEntity } from "./entities.ts";
import { NotLean } from "./not-lean.ts";
import { planName, TypeTable } from "./type-table.ts";

/** A plan with the core modules that its steps instantiate, or why there is none. */
export type Planned = { plan: BindingPlan; modules: readonly Uint8Array[] } | { reason: string };

/**
 * Plans how a component is bound to the host by the lean engine. Any bytes may be passed: what is not understood, not
 * valid or too large yields a reason, in time and memory linear in the input.
 */
export function planBinding(component: Uint8Array): Planned {
  try {
    return plan(component);
  } catch (thrown) {
    if (thrown instanceof NotLean) return { reason: thrown.message.slice(0, 500) };
    throw thrown;
  }
}

function plan(component: Uint8Array): Planned {
  const [types, wiring] = [new TypeTable(), new CoreWiring()];
  const exported = new ComponentEvaluator(component, types, wiring).root();
  const whole: BindingPlan = {
    types: types.types,
    resources: types.resources,
    contexts: wiring.contexts,
    functions: wiring.functions,
    steps: wiring.steps,
    exports: exportsOf(exported),
  };
  const { plan, modules } = withUsedModules(wireDirectly(whole, wiring.modules), wiring);
  const problem = danglingIndex(plan);
  if (problem !== undefined) throw new NotLean(problem);
  return { plan, modules };
}

/** Lists the functions that the root component exports: in instances, or by themselves. */
function exportsOf(exported: InstanceEntity): BindingPlan["exports"] {
  const exports: BindingPlan["exports"] = [];
  const add = (interfaceName: string, name: string, func: FuncEntity): void => {
    if (func.kind === "host") throw new NotLean("it exports what it imports");
    const { type, core, context, postReturn } = func;
    exports.push({
      interface: planName(interfaceName),
      name: planName(name),
      type,
      ref: core,
      context,
      ...(postReturn && { postReturn }),
    });
  };
  for (const [name, entity] of exported) {
    if (entity.sort === "func") add("", name, entity.func);
    if (entity.sort !== "instance") continue;
    for (const [member, inner] of entity.instance) if (inner.sort === "func") add(name, member, inner.func);
  }
  if (exports.length > PLAN_LIMITS.exports) throw new NotLean(`it exports more than ${PLAN_LIMITS.exports} functions`);
  return exports;
}

/** Leaves out the modules that no step instantiates. */
function withUsedModules(plan: BindingPlan, wiring: CoreWiring): { plan: BindingPlan; modules: Uint8Array[] } {
  const used = [...new Set(plan.steps.flatMap((step) => (step.kind === "instantiate" ? [step.module] : [])))];
  const newIndex = new Map(used.map((module, index) => [module, index]));
  return {
    plan: {
      ...plan,
      steps: plan.steps.map((step) =>
        step.kind === "instantiate" ? { ...step, module: newIndex.get(step.module)! } : step,
      ),
    },
    modules: used.map((module) => wiring.modules[module]!.bytes),
  };
}
