import type { TypeDefinition, ValueType } from "../../artifacts/binding-plan.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { casesOf, type CoreType } from "./layout.ts";
import { listStorer, viewingListLoader } from "./lists.ts";
import { badDiscriminant, type MemoryCodec } from "./memory-codec.ts";
import { camelCase } from "./names.ts";
import { joined, LIFT_SCALAR, LOWER_SCALAR, separate, type CoreValue } from "./scalars.ts";
import { loadString, storeString } from "./strings.ts";
import { flagsShape } from "./type-shapes.ts";

/** Returns a value that was passed as core values; where each stands was settled beforehand. */
export type Lift = (memory: GuestMemory, flat: readonly CoreValue[]) => unknown;

/** Puts a value as core values where they belong. */
export type Lower = (memory: GuestMemory, flat: CoreValue[], value: never) => void;

/**
 * Reads and writes values that are passed as core values of the types `passed`, from position `at` on. Each type at each
 * position is worked out once: types that share parts would multiply otherwise.
 */
export class FlatCodec {
  readonly #codec: MemoryCodec;
  readonly #passed: readonly CoreType[];
  readonly #lifts = new Map<string, Lift>();
  readonly #lowers = new Map<string, Lower>();

  constructor(codec: MemoryCodec, passed: readonly CoreType[]) {
    this.#codec = codec;
    this.#passed = passed;
  }

  /** Lifts a value of the type. Where cases share core values, they are passed as other types than their own. */
  lift(type: ValueType, at: number): Lift {
    const passed = this.#passed;
    const [have, want] = [passed[at]!, this.#codec.layouts.of(type).flat[0]!];
    if (type === "string") {
      return (memory, flat) => loadString(memory, pointerAt(flat, at, passed), pointerAt(flat, at + 1, passed));
    }
    if (typeof type === "string") {
      const lift = LIFT_SCALAR[type];
      if (have === want) return (_, flat) => lift(flat[at] as never);
      return (_, flat) => lift(separate(flat[at]!, have, want) as never);
    }
    return remembered(this.#lifts, `${type}@${at}`, () => this.#liftDefined(type, this.#codec.definition(type), at));
  }

  /** Lowers a value of the type; core values that its case does not need are zero. */
  lower(type: ValueType, at: number): Lower {
    const passed = this.#passed;
    const [into, from] = [passed[at]!, this.#codec.layouts.of(type).flat[0]!];
    if (type === "string") {
      return (memory, flat, value) => setRange(flat, at, passed, storeString(memory, value));
    }
    if (typeof type === "string") {
      const lower = LOWER_SCALAR[type];
      if (into === from) return (_, flat, value) => void (flat[at] = lower(value));
      return (_, flat, value) => void (flat[at] = joined(lower(value), from, into));
    }
    return remembered(this.#lowers, `${type}@${at}`, () => this.#lowerDefined(type, this.#codec.definition(type), at));
  }

  /** Lifts several values that stand one after another. */
  liftMembers(types: readonly ValueType[], at: number): Lift[] {
    const positions = this.#positions(types, at);
    return types.map((type, index) => this.lift(type, positions[index]!));
  }

  /** Lowers several values one after another. */
  lowerMembers(types: readonly ValueType[], at: number): Lower[] {
    const positions = this.#positions(types, at);
    return types.map((type, index) => this.lower(type, positions[index]!));
  }

  #positions(types: readonly ValueType[], at: number): number[] {
    let position = at;
    return types.map((type) => {
      const start = position;
      position += this.#codec.layouts.of(type).flat.length;
      return start;
    });
  }

  #liftDefined(type: number, definition: TypeDefinition, at: number): Lift {
    const passed = this.#passed;
    const index = (flat: readonly CoreValue[]): number => pointerAt(flat, at, passed);
    switch (definition.kind) {
      case "record": {
        const keys = definition.fields.map(({ name }) => camelCase(name));
        const lifts = this.liftMembers(
          definition.fields.map(({ type: field }) => field),
          at,
        );
        return (memory, flat) => Object.fromEntries(keys.map((key, field) => [key, lifts[field]!(memory, flat)]));
      }
      case "tuple": {
        const lifts = this.liftMembers(definition.types, at);
        return (memory, flat) => lifts.map((lift) => lift(memory, flat));
      }
      case "list": {
        const load = viewingListLoader(this.#codec, definition.type);
        return (memory, flat) => load(memory, index(flat), pointerAt(flat, at + 1, passed));
      }
      case "flags": {
        const shape = flagsShape(definition.names);
        return (_, flat) => shape.make(index(flat));
      }
      case "own":
        return ({ guest }, flat) => guest.handles.takeOwn(index(flat), definition.resource);
      case "borrow":
        return ({ guest }, flat) => guest.handles.lend(index(flat), definition.resource);
      default: {
        const shape = this.#codec.shape(type);
        const lifts = casesOf(definition).map(({ type: payload }) =>
          payload === undefined ? payload : this.lift(payload, at + 1),
        );
        return (memory, flat) => {
          const chosen = index(flat) >>> 0;
          if (chosen >= lifts.length) throw badDiscriminant(chosen, lifts.length);
          return shape.make(chosen, lifts[chosen]?.(memory, flat));
        };
      }
    }
  }

  #lowerDefined(type: number, definition: TypeDefinition, at: number): Lower {
    const passed = this.#passed;
    const put = (flat: CoreValue[], value: number): void => void (flat[at] = joined(value, "i32", passed[at]!));
    switch (definition.kind) {
      case "record": {
        const keys = definition.fields.map(({ name }) => camelCase(name));
        const lowers = this.lowerMembers(
          definition.fields.map(({ type: field }) => field),
          at,
        );
        return (memory, flat, value) => lowers.forEach((lower, field) => lower(memory, flat, value[keys[field]!]));
      }
      case "tuple": {
        const lowers = this.lowerMembers(definition.types, at);
        return (memory, flat, value) => lowers.forEach((lower, member) => lower(memory, flat, value[member]));
      }
      case "list": {
        const store = listStorer(this.#codec, definition.type);
        return (memory, flat, value) => setRange(flat, at, passed, store(memory, value));
      }
      case "flags": {
        const shape = flagsShape(definition.names);
        return (_, flat, value) => put(flat, shape.bitsOf(value));
      }
      case "own":
      case "borrow": {
        const isOwn = definition.kind === "own";
        return ({ guest }, flat, value) => put(flat, guest.handles.add(definition.resource, value, isOwn));
      }
      default: {
        const shape = this.#codec.shape(type);
        const lowers = casesOf(definition).map(({ type: payload }) =>
          payload === undefined ? payload : this.lower(payload, at + 1),
        );
        const end = at + this.#codec.layouts.of(type).flat.length;
        return (memory, flat, value) => {
          const chosen = shape.indexOf(value);
          put(flat, chosen);
          for (let unused = at + 1; unused < end; unused++) flat[unused] = passed[unused] === "i64" ? 0n : 0;
          lowers[chosen]?.(memory, flat, shape.payloadOf(value) as never);
        };
      }
    }
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

/** An i32 that may have been passed as a wider or another type. */
function pointerAt(flat: readonly CoreValue[], at: number, passed: readonly CoreType[]): number {
  const have = passed[at]!;
  return (have === "i32" ? flat[at] : separate(flat[at]!, have, "i32")) as number;
}

function setRange(
  flat: CoreValue[],
  at: number,
  passed: readonly CoreType[],
  { pointer, length }: { pointer: number; length: number },
): void {
  flat[at] = joined(pointer, "i32", passed[at]!);
  flat[at + 1] = joined(length, "i32", passed[at + 1]!);
}
