import type { CoreRef } from "../../artifacts/binding-plan.ts";
import type {
  ComponentEntity,
  CoreInstance,
  Entity,
  FuncEntity,
  InstanceEntity,
  TypeEntity,
  TypeScope,
} from "./entities.ts";
import { NotLean } from "./not-lean.ts";

/** The index spaces of one component while its definitions are read, and what it exports. */
export class ComponentScope implements TypeScope {
  readonly parent: TypeScope | undefined;
  readonly types: TypeEntity[] = [];
  readonly funcs: FuncEntity[] = [];
  readonly instances: InstanceEntity[] = [];
  readonly components: ComponentEntity[] = [];
  readonly coreModules: number[] = [];
  readonly coreInstances: CoreInstance[] = [];
  /** Core functions, tables, memories, globals and tags by their sort: each has a space of its own. */
  readonly core: Readonly<Record<number, CoreRef[]>> = { 0: [], 1: [], 2: [], 3: [], 4: [] };
  readonly exports = new Map<string, Entity>();

  constructor(parent: TypeScope | undefined) {
    this.parent = parent;
  }

  /** Appends a definition to the space of its sort. */
  add(entity: Entity): void {
    if (entity.sort === "type") this.types.push(entity.type);
    else if (entity.sort === "func") this.funcs.push(entity.func);
    else if (entity.sort === "instance") this.instances.push(entity.instance);
    else this.components.push(entity.component);
  }

  /** Returns a definition by its sort's number in the binary and its index. */
  entity(sort: number, index: number): Entity {
    switch (sort) {
      case 0x01:
        return { sort: "func", func: at(this.funcs, index) };
      case 0x03:
        return { sort: "type", type: at(this.types, index) };
      case 0x04:
        return { sort: "component", component: at(this.components, index) };
      case 0x05:
        return { sort: "instance", instance: at(this.instances, index) };
      default:
        throw new NotLean("it passes core modules or values around");
    }
  }

  /** Returns the space of a core sort. */
  coreSpace(sort: number): CoreRef[] {
    const space = this.core[sort];
    if (space === undefined) throw new NotLean("it passes core types, modules or instances around");
    return space;
  }
}

/** Returns the element with this index; throws NotLean when there is none. */
export function at<T>(space: readonly T[], index: number): T {
  const element = space[index];
  if (element === undefined) throw new NotLean(`a definition points at number ${index}, which is not there`);
  return element;
}
