import { PLAN_LIMITS, type BindingPlan, type CoreRef } from "../../artifacts/binding-plan.ts";
import type { CoreInstance } from "./entities.ts";
import { NotLean } from "./not-lean.ts";
import { planName } from "./type-table.ts";

/** A core module of the component. */
export interface CoreModule {
  bytes: Uint8Array;
  imports: readonly { module: string; name: string }[];
}

/** Collects the core modules of a component, what they import of the engine, and the order they are instantiated in. */
export class CoreWiring {
  readonly modules: CoreModule[] = [];
  readonly functions: BindingPlan["functions"] = [];
  readonly contexts: BindingPlan["contexts"] = [];
  readonly steps: BindingPlan["steps"] = [];
  #importCount = 0;

  /** Compiles a core module, which finds its imports; throws NotLean when V8 refuses it. */
  addModule(bytes: Uint8Array): number {
    if (this.modules.length >= PLAN_LIMITS.modules) throw new NotLean("it has too many core modules");
    let module: WebAssembly.Module;
    try {
      module = new WebAssembly.Module(bytes);
    } catch {
      throw new NotLean("a core module does not compile");
    }
    return this.modules.push({ bytes, imports: WebAssembly.Module.imports(module) }) - 1;
  }

  /** Adds the instantiation of a module with these core instances as its imports. */
  instantiate(moduleIndex: number, args: ReadonlyMap<string, CoreInstance>): CoreInstance {
    const module = this.modules[moduleIndex];
    if (module === undefined) throw new NotLean(`there is no core module ${moduleIndex}`);
    this.#importCount += module.imports.length;
    if (this.steps.length >= PLAN_LIMITS.steps || this.#importCount > PLAN_LIMITS.functions) {
      throw new NotLean("it has too many core instances or core imports");
    }
    const imports = module.imports.map(({ module: from, name }) => {
      const instance = args.get(from);
      if (instance === undefined) throw new NotLean(`a core module lacks its import ${from}`);
      return { module: planName(from), name: planName(name), ref: exportOf(instance, name) };
    });
    return { kind: "step", step: this.steps.push({ kind: "instantiate", module: moduleIndex, imports }) - 1 };
  }

  /** Adds a function that the engine makes; returns it as core modules may import it. */
  addFunction(definition: BindingPlan["functions"][number]): CoreRef {
    if (this.functions.length >= PLAN_LIMITS.functions) throw new NotLean("it lowers too many functions");
    return { call: this.functions.push(definition) - 1 };
  }

  /** Returns the index of these canonical options among all that occur. */
  contextOf(memory: CoreRef | undefined, realloc: CoreRef | undefined): number {
    const key = JSON.stringify([memory, realloc]);
    const known = this.contexts.findIndex((context) => JSON.stringify([context.memory, context.realloc]) === key);
    if (known !== -1) return known;
    if (this.contexts.length >= 64) throw new NotLean("it uses too many memories and allocators");
    return this.contexts.push({ ...(memory && { memory }), ...(realloc && { realloc }) }) - 1;
  }
}

/** Returns what a core instance exports under a name; throws NotLean when an inline one lacks it. */
export function exportOf(instance: CoreInstance, name: string): CoreRef {
  if (instance.kind === "step") return { step: instance.step, name: planName(name) };
  const ref = instance.exports.get(name);
  if (ref === undefined) throw new NotLean(`a core instance lacks its export ${name}`);
  return ref;
}
