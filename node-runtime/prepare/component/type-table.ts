import {
  childrenOf,
  PLAN_LIMITS,
  type BindingPlan,
  type FunctionType,
  type TypeDefinition,
  type ValueType,
} from "../../artifacts/binding-plan.ts";
import { unversioned } from "../../engine/lean/names.ts";
import type { Entity, InstanceEntity, TypeEntity, TypeScope } from "./entities.ts";
import { NotLean } from "./not-lean.ts";
import type { ExternType, TypeRef, TypeSyntax } from "./type-syntax.ts";

/** Collects the types of a plan while the component's definitions are read. */
export class TypeTable {
  readonly types: BindingPlan["types"] = [];
  readonly resources: BindingPlan["resources"] = [];
  readonly #depths: number[] = [];

  /** Returns what a type definition means in `scope`; throws NotLean past a limit of plans. */
  resolve(syntax: TypeSyntax, scope: TypeScope): TypeEntity {
    const value = (ref: TypeRef): ValueType => valueType(scope, ref);
    const optional = (ref: TypeRef | undefined): { type?: ValueType } =>
      ref === undefined ? {} : { type: value(ref) };
    const members = (list: readonly { name: string; type: TypeRef }[]): { name: string; type: ValueType }[] =>
      bounded(list, "members").map(({ name, type }) => ({ name: planName(name), type: value(type) }));
    switch (syntax.kind) {
      case "primitive":
        return { kind: "value", type: syntax.name };
      case "record":
        return this.#add({ kind: "record", fields: members(syntax.fields) });
      case "variant":
        return this.#add({
          kind: "variant",
          cases: bounded(syntax.cases, "members").map(({ name, type }) =>
            type === undefined ? { name: planName(name) } : { name: planName(name), type: value(type) },
          ),
        });
      case "list":
      case "option":
        return this.#add({ kind: syntax.kind, type: value(syntax.type) });
      case "tuple":
        return this.#add({ kind: "tuple", types: bounded(syntax.types, "members").map(value) });
      case "flags":
        if (syntax.names.length > 32) throw new NotLean("it has flags of more than 32 names");
        return this.#add({ kind: "flags", names: syntax.names.map(planName) });
      case "enum":
        return this.#add({ kind: "enum", names: bounded(syntax.names, "members").map(planName) });
      case "result": {
        const [ok, err] = [optional(syntax.ok).type, optional(syntax.err).type];
        return this.#add({ kind: "result", ...(ok !== undefined && { ok }), ...(err !== undefined && { err }) });
      }
      case "own":
      case "borrow":
        return this.#add({ kind: syntax.kind, resource: resourceOf(typeAt(scope, syntax.resource)) });
      case "func":
        return {
          kind: "func",
          type: {
            params: members(syntax.params),
            ...(syntax.result !== undefined && { result: value(syntax.result) }),
          },
        };
      case "instance":
        return { kind: "instance", declarations: syntax.declarations, scope };
      default:
        return { kind: "component" };
    }
  }

  /** Returns the instance that an import of an interface stands for: its functions are the host's. */
  importInstance(name: string, type: TypeEntity): InstanceEntity {
    if (!name.includes(":")) throw new NotLean(`it imports ${name}, which is no interface of a package`);
    if (type.kind !== "instance") throw new NotLean(`the import ${name} is no interface`);
    const interfaceName = unversioned(planName(name));
    const scope: TypeScope = { types: [], parent: type.scope };
    const exports = new Map<string, Entity>();
    for (const declaration of type.declarations) {
      switch (declaration.kind) {
        case "type":
          scope.types.push(this.resolve(declaration.type, scope));
          break;
        case "alias-outer":
          scope.types.push(outerType(scope, declaration.scopes, declaration.index));
          break;
        case "export":
          exports.set(declaration.name, this.#importExport(interfaceName, declaration.name, declaration.type, scope));
          break;
        default:
          throw new NotLean("an interface aliases another instance");
      }
    }
    return exports;
  }

  /** Returns a resource that is no other. */
  addResource(interfaceName: string, name: string): TypeEntity {
    this.resources.push({ interface: interfaceName, name: planName(name) });
    if (this.resources.length > PLAN_LIMITS.types) throw new NotLean("it has too many resources");
    return { kind: "resource", resource: this.resources.length - 1 };
  }

  #importExport(interfaceName: string, name: string, type: ExternType, scope: TypeScope): Entity {
    if (type.sort === "func") {
      return { sort: "func", func: hostFunction(interfaceName, name, typeAt(scope, type.type)) };
    }
    if (type.sort !== "type") throw new NotLean(`the interface ${interfaceName} holds instances or components`);
    const entity = type.equals === undefined ? this.addResource(interfaceName, name) : typeAt(scope, type.equals);
    scope.types.push(entity);
    return { sort: "type", type: entity };
  }

  #add(definition: TypeDefinition): TypeEntity {
    const below = childrenOf(definition).map((child) => (typeof child === "number" ? this.#depths[child]! : 0));
    const depth = 1 + below.reduce((deepest, one) => Math.max(deepest, one), 0);
    if (depth > PLAN_LIMITS.typeDepth) throw new NotLean(`its types nest deeper than ${PLAN_LIMITS.typeDepth}`);
    if (this.types.length >= PLAN_LIMITS.types) throw new NotLean(`it has more than ${PLAN_LIMITS.types} types`);
    this.types.push(definition);
    this.#depths.push(depth);
    return { kind: "value", type: this.types.length - 1 };
  }
}

/** Returns the type with this index; throws NotLean when there is none. */
export function typeAt(scope: TypeScope, index: number): TypeEntity {
  const entity = scope.types[index];
  if (entity === undefined) throw new NotLean(`there is no type ${index}`);
  return entity;
}

/** Returns the type with this index, `scopes` scopes outwards. */
export function outerType(scope: TypeScope, scopes: number, index: number): TypeEntity {
  let from: TypeScope | undefined = scope;
  for (let left = scopes; left > 0 && from !== undefined; left--) from = from.parent;
  if (from === undefined) throw new NotLean("a type reaches out of the component");
  return typeAt(from, index);
}

/** Returns the resource that a type is; throws NotLean on any other. */
export function resourceOf(entity: TypeEntity): number {
  if (entity.kind !== "resource") throw new NotLean("a handle is of something that is no resource");
  return entity.resource;
}

/** Returns the function type that a type is; throws NotLean on any other. */
export function functionTypeOf(entity: TypeEntity): FunctionType {
  if (entity.kind !== "func") throw new NotLean("a function is of something that is no function type");
  return entity.type;
}

/** Returns the name when a plan may hold it. */
export function planName(name: string): string {
  if (name.length > PLAN_LIMITS.nameLength) throw new NotLean(`a name is longer than ${PLAN_LIMITS.nameLength}`);
  return name;
}

function hostFunction(
  interfaceName: string,
  name: string,
  type: TypeEntity,
): Extract<Entity, { sort: "func" }>["func"] {
  return { kind: "host", interface: interfaceName, name: planName(name), type: functionTypeOf(type) };
}

function valueType(scope: TypeScope, ref: TypeRef): ValueType {
  if (typeof ref === "string") return ref;
  const entity = typeAt(scope, ref);
  if (entity.kind !== "value") throw new NotLean("a value is of something that is no value type");
  return entity.type;
}

function bounded<T>(list: readonly T[], limit: "members"): readonly T[] {
  if (list.length > PLAN_LIMITS[limit]) throw new NotLean(`a type has more than ${PLAN_LIMITS[limit]} ${limit}`);
  return list;
}
