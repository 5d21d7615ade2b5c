import type { BindingPlan, TypeDefinition, ValueType } from "../../artifacts/binding-plan.ts";
import { AbiTrap } from "./abi-trap.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { casesOf, flagsScalar, type Layouts } from "./layout.ts";
import { listLoader, listStorer } from "./lists.ts";
import { camelCase } from "./names.ts";
import { LOAD_SCALAR, STORE_SCALAR } from "./scalars.ts";
import { loadString, storeString, type StoredRange } from "./strings.ts";
import { enumShape, flagsShape, optionShape, taggedShape, type VariantShape } from "./type-shapes.ts";

/** Returns the value at a pointer that was checked to have the type's size and alignment. */
export type Load = (memory: GuestMemory, pointer: number) => unknown;

/** Puts a value there; may have the guest allocate for what the value points at. */
export type Store = (memory: GuestMemory, pointer: number, value: never) => void;

/** Reads and writes values of the plan's types in guest memory; each type is worked out once, when it first occurs. */
export class MemoryCodec {
  readonly layouts: Layouts;
  readonly #types: BindingPlan["types"];
  readonly #shapes: (VariantShape | undefined)[] = [];
  readonly #loads: (Load | undefined)[] = [];
  readonly #stores: (Store | undefined)[] = [];

  constructor(types: BindingPlan["types"], layouts: Layouts) {
    this.#types = types;
    this.layouts = layouts;
  }

  definition(type: number): TypeDefinition {
    return this.#types[type]!;
  }

  /** The JavaScript shape of a variant, enum, option or result. */
  shape(type: number): VariantShape {
    return (this.#shapes[type] ??= this.#makeShape(this.definition(type)));
  }

  load(type: ValueType): Load {
    if (type === "string") return loadStringAt;
    if (typeof type === "string") {
      const load = LOAD_SCALAR[type];
      return (memory, pointer) => load(memory.view, pointer);
    }
    return (this.#loads[type] ??= this.#makeLoad(type, this.definition(type)));
  }

  store(type: ValueType): Store {
    if (type === "string") return storeStringAt;
    if (typeof type === "string") {
      const store = STORE_SCALAR[type];
      return (memory, pointer, value) => store(memory.view, pointer, value);
    }
    return (this.#stores[type] ??= this.#makeStore(type, this.definition(type)));
  }

  /** Reads parameters that were spilled to memory, or a record's fields, as an array. */
  loadMembers(types: readonly ValueType[]): (memory: GuestMemory, pointer: number) => unknown[] {
    const { offsets } = this.layouts.record(types);
    const loads = types.map((type) => this.load(type));
    return (memory, pointer) => loads.map((load, index) => load(memory, pointer + offsets[index]!));
  }

  /** The counterpart of `loadMembers`. */
  storeMembers(
    types: readonly ValueType[],
  ): (memory: GuestMemory, pointer: number, values: readonly unknown[]) => void {
    const { offsets } = this.layouts.record(types);
    const stores = types.map((type) => this.store(type));
    return (memory, pointer, values) => {
      for (let index = 0; index < stores.length; index++) {
        stores[index]!(memory, pointer + offsets[index]!, values[index] as never);
      }
    };
  }

  #makeLoad(type: number, definition: TypeDefinition): Load {
    switch (definition.kind) {
      case "record": {
        const keys = definition.fields.map(({ name }) => camelCase(name));
        const load = this.loadMembers(definition.fields.map(({ type: field }) => field));
        return (memory, pointer) => recordOf(keys, load(memory, pointer));
      }
      case "tuple":
        return this.loadMembers(definition.types);
      case "list": {
        const load = listLoader(this, definition.type);
        return (memory, pointer) => {
          const { view } = memory;
          return load(memory, view.getUint32(pointer, true), view.getUint32(pointer + 4, true));
        };
      }
      case "flags": {
        const [shape, load] = [flagsShape(definition.names), LOAD_SCALAR[flagsScalar(definition.names.length)]];
        return (memory, pointer) => shape.make(load(memory.view, pointer) as number);
      }
      case "own":
        return ({ guest, view }, pointer) => guest.handles.takeOwn(view.getUint32(pointer, true), definition.resource);
      case "borrow":
        return ({ guest, view }, pointer) => guest.handles.lend(view.getUint32(pointer, true), definition.resource);
      default: {
        const { discriminantSize, payloadOffset } = this.layouts.variant(casesOf(definition));
        const loads = casesOf(definition).map(({ type: payload }) =>
          payload === undefined ? payload : this.load(payload),
        );
        const [shape, discriminant] = [this.shape(type), LOAD_SCALAR[discriminantSize === 1 ? "u8" : "u16"]];
        return (memory, pointer) => {
          const index = discriminant(memory.view, pointer) as number;
          if (index >= loads.length) throw badDiscriminant(index, loads.length);
          return shape.make(index, loads[index]?.(memory, pointer + payloadOffset));
        };
      }
    }
  }

  #makeStore(type: number, definition: TypeDefinition): Store {
    switch (definition.kind) {
      case "record": {
        const keys = definition.fields.map(({ name }) => camelCase(name));
        const store = this.storeMembers(definition.fields.map(({ type: field }) => field));
        return (memory, pointer, value) =>
          store(
            memory,
            pointer,
            keys.map((key) => value[key]),
          );
      }
      case "tuple":
        return this.storeMembers(definition.types);
      case "list": {
        const store = listStorer(this, definition.type);
        return (memory, pointer, value) => storeRange(memory, pointer, store(memory, value));
      }
      case "flags": {
        const [shape, store] = [flagsShape(definition.names), STORE_SCALAR[flagsScalar(definition.names.length)]];
        return (memory, pointer, value) => store(memory.view, pointer, shape.bitsOf(value) as never);
      }
      case "own":
      case "borrow": {
        const isOwn = definition.kind === "own";
        return ({ guest, view }, pointer, value) =>
          view.setUint32(pointer, guest.handles.add(definition.resource, value, isOwn), true);
      }
      default: {
        const { discriminantSize, payloadOffset } = this.layouts.variant(casesOf(definition));
        const stores = casesOf(definition).map(({ type: payload }) =>
          payload === undefined ? payload : this.store(payload),
        );
        const [shape, discriminant] = [this.shape(type), STORE_SCALAR[discriminantSize === 1 ? "u8" : "u16"]];
        return (memory, pointer, value) => {
          const index = shape.indexOf(value);
          discriminant(memory.view, pointer, index as never);
          stores[index]?.(memory, pointer + payloadOffset, shape.payloadOf(value) as never);
        };
      }
    }
  }

  #makeShape(definition: TypeDefinition): VariantShape {
    switch (definition.kind) {
      case "enum":
        return enumShape(definition.names);
      case "option": {
        const inner = typeof definition.type === "number" ? this.definition(definition.type).kind : undefined;
        return optionShape(casesOf(definition), inner === "option");
      }
      case "variant":
      case "result":
        return taggedShape(casesOf(definition));
      default:
        throw new TypeError(`${definition.kind} is no variant`);
    }
  }
}

function loadStringAt(memory: GuestMemory, pointer: number): string {
  const { view } = memory;
  return loadString(memory, view.getUint32(pointer, true), view.getUint32(pointer + 4, true));
}

function storeStringAt(memory: GuestMemory, pointer: number, value: string): void {
  storeRange(memory, pointer, storeString(memory, value));
}

function storeRange(memory: GuestMemory, pointer: number, { pointer: start, length }: StoredRange): void {
  memory.view.setUint32(pointer, start, true);
  memory.view.setUint32(pointer + 4, length, true);
}

function recordOf(keys: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let index = 0; index < keys.length; index++) record[keys[index]!] = values[index];
  return record;
}

/** The trap of a guest that names a case which a variant does not have. */
export function badDiscriminant(index: number, count: number): AbiTrap {
  return new AbiTrap(`${index >>> 0} is no case of a variant of ${count} cases`);
}
