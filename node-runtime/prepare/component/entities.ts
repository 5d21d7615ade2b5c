import type { CoreRef, FunctionType, ValueType } from "../../artifacts/binding-plan.ts";
import type { Declaration } from "./type-syntax.ts";

/** What an index of a component's type space stands for. */
export type TypeEntity =
  | { kind: "value"; type: ValueType }
  | { kind: "func"; type: FunctionType }
  | { kind: "resource"; resource: number }
  /** Kept as declared, with the scope it stands in: each import of it makes resources of its own. */
  | { kind: "instance"; declarations: readonly Declaration[]; scope: TypeScope }
  | { kind: "component" };

/** A list of types that grows, inside another one that its outer aliases reach. */
export interface TypeScope {
  readonly types: TypeEntity[];
  readonly parent: TypeScope | undefined;
}

/** A function of the component model: the host's, or one that the component lifts. */
export type FuncEntity =
  | { kind: "host"; interface: string; name: string; type: FunctionType }
  | { kind: "lifted"; core: CoreRef; type: FunctionType; context: number; postReturn: CoreRef | undefined };

/** Anything that an instance can export. */
export type Entity =
  | { sort: "type"; type: TypeEntity }
  | { sort: "func"; func: FuncEntity }
  | { sort: "instance"; instance: InstanceEntity }
  | { sort: "component"; component: ComponentEntity };

export type InstanceEntity = ReadonlyMap<string, Entity>;

/** A nested component: where it stands, to be read at each instantiation. */
export interface ComponentEntity {
  start: number;
  end: number;
  scope: TypeScope;
}

/** What a core instance is: made of a module by a step, or put together from things that exist. */
export type CoreInstance = { kind: "step"; step: number } | { kind: "inline"; exports: ReadonlyMap<string, CoreRef> };
