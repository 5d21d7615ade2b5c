/**
 * Follows the definitions of a component in order, as instantiating it would, and notes what they come to: which core
 * modules are instantiated with what, which host functions are lowered, which core functions are lifted as exports.
 *
 *   component := header section*        sections in any order, each index space grows as they are read
 *
 * Nested components are followed as long as they only pass things on, as the ones that wit-component writes around
 * exports. https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
 */
import type { CoreRef } from "../../artifacts/binding-plan.ts";
import { ByteReader, sectionsOf } from "./byte-reader.ts";
import { readCanon } from "./canonical-definitions.ts";
import { at, ComponentScope } from "./component-scope.ts";
import { exportOf, type CoreWiring } from "./core-wiring.ts";
import type { ComponentEntity, CoreInstance, Entity, InstanceEntity } from "./entities.ts";
import { readExternName } from "./extern-name.ts";
import { NotLean } from "./not-lean.ts";
import { readExternType, readType } from "./type-syntax.ts";
import { outerType, typeAt, type TypeTable } from "./type-table.ts";

/** Definitions that are followed, those of nested components counted at each instantiation. */
const MAX_DEFINITIONS = 50_000;

const MAX_COMPONENT_DEPTH = 8;

export class ComponentEvaluator {
  readonly #bytes: Uint8Array;
  readonly #types: TypeTable;
  readonly #wiring: CoreWiring;
  #definitions = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, types: TypeTable, wiring: CoreWiring) {
    this.#bytes = bytes;
    this.#types = types;
    this.#wiring = wiring;
  }

  /** Follows the root component; returns what it exports. Throws NotLean where the lean engine cannot follow. */
  root(): InstanceEntity {
    return this.#component({ start: 0, end: this.#bytes.length, scope: undefined }, undefined);
  }

  #component(
    { start, end, scope: parent }: Omit<ComponentEntity, "scope"> & { scope: ComponentEntity["scope"] | undefined },
    args: InstanceEntity | undefined,
  ): InstanceEntity {
    if (++this.#depth > MAX_COMPONENT_DEPTH) throw new NotLean("its components nest too deep");
    const scope = new ComponentScope(parent);
    for (const { id, reader } of sectionsOf(new ByteReader(this.#bytes, start, end))) {
      if (id === 0) continue;
      if (args !== undefined && (id === 1 || id === 2 || id === 8)) throw new NotLean("it is composed of components");
      if (id === 1) scope.coreModules.push(this.#wiring.addModule(reader.bytes.slice(reader.position, reader.end)));
      else if (id === 4) scope.components.push({ start: reader.position, end: reader.end, scope });
      else this.#section(id, reader, scope, args);
    }
    this.#depth--;
    return scope.exports;
  }

  #section(id: number, reader: ByteReader, scope: ComponentScope, args: InstanceEntity | undefined): void {
    for (let count = reader.count(); count > 0; count--) {
      if (++this.#definitions > MAX_DEFINITIONS) throw new NotLean("it has too many definitions");
      this.#definition(id, reader, scope, args);
    }
  }

  #definition(id: number, reader: ByteReader, scope: ComponentScope, args: InstanceEntity | undefined): void {
    switch (id) {
      case 2:
        scope.coreInstances.push(this.#coreInstance(reader, scope));
        break;
      case 5:
        scope.instances.push(this.#instance(reader, scope));
        break;
      case 6:
        readAlias(reader, scope);
        break;
      case 7:
        scope.types.push(this.#types.resolve(readType(reader), scope));
        break;
      case 8:
        readCanon(reader, scope, this.#wiring);
        break;
      case 10:
        this.#import(reader, scope, args);
        break;
      case 11:
        readExport(reader, scope);
        break;
      default:
        throw new NotLean(id === 3 ? "it has core types" : "it has start functions or values");
    }
  }

  #import(reader: ByteReader, scope: ComponentScope, args: InstanceEntity | undefined): void {
    const name = readExternName(reader);
    const type = readExternType(reader);
    if (args !== undefined) {
      const given = args.get(name);
      if (given === undefined || given.sort !== type.sort) throw new NotLean(`a nested component lacks ${name}`);
      return scope.add(given);
    }
    if (type.sort === "type") {
      const entity = type.equals === undefined ? this.#types.addResource("", name) : typeAt(scope, type.equals);
      return scope.add({ sort: "type", type: entity });
    }
    if (type.sort !== "instance") throw new NotLean(`it imports ${name}, which is of no interface`);
    scope.instances.push(this.#types.importInstance(name, typeAt(scope, type.type)));
  }

  #instance(reader: ByteReader, scope: ComponentScope): InstanceEntity {
    if (reader.byte() === 0x00) {
      const component = at(scope.components, reader.u32());
      const args = reader.vector((): [string, Entity] => [reader.name(), readSortIndex(reader, scope)]);
      return this.#component(component, new Map(args));
    }
    return new Map(reader.vector((): [string, Entity] => [readExternName(reader), readSortIndex(reader, scope)]));
  }

  #coreInstance(reader: ByteReader, scope: ComponentScope): CoreInstance {
    if (reader.byte() !== 0x00) {
      const exports = reader.vector((): [string, CoreRef] => [
        reader.name(),
        at(scope.coreSpace(reader.byte()), reader.u32()),
      ]);
      return { kind: "inline", exports: new Map(exports) };
    }
    const module = at(scope.coreModules, reader.u32());
    const args = reader.vector((): [string, CoreInstance] => {
      const name = reader.name();
      if (reader.byte() !== 0x12) throw new NotLean("a core module is given something that is no instance");
      return [name, at(scope.coreInstances, reader.u32())];
    });
    return this.#wiring.instantiate(module, new Map(args));
  }
}

function readSortIndex(reader: ByteReader, scope: ComponentScope): Entity {
  return scope.entity(reader.byte(), reader.u32());
}

function readAlias(reader: ByteReader, scope: ComponentScope): void {
  const sort = reader.byte();
  const coreSort = sort === 0x00 ? reader.byte() : undefined;
  const target = reader.byte();
  if (target === 0x02) {
    if (sort !== 0x03) throw new NotLean("it aliases core definitions of an outer component");
    scope.types.push(outerType(scope, reader.u32(), reader.u32()));
  } else if (target === 0x01 && coreSort !== undefined) {
    const instance = at(scope.coreInstances, reader.u32());
    scope.coreSpace(coreSort).push(exportOf(instance, reader.name()));
  } else {
    const instance = at(scope.instances, reader.u32());
    const name = reader.name();
    const entity = instance.get(name);
    if (entity === undefined) throw new NotLean(`an instance lacks its export ${name}`);
    scope.add(entity);
  }
}

function readExport(reader: ByteReader, scope: ComponentScope): void {
  const name = readExternName(reader);
  const entity = readSortIndex(reader, scope);
  if (reader.byte() !== 0x00) readExternType(reader);
  scope.exports.set(name, entity);
  scope.add(entity);
}
