import type { ValueType } from "../../artifacts/binding-plan.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { MemoryCodec } from "./memory-codec.ts";
import type { StoredRange } from "./strings.ts";
import { NUMERIC_ARRAYS } from "./type-shapes.ts";

/** What an element of a list costs the host at least, whatever it is. */
const ELEMENT_BYTES = 64;

/** Reads `length` elements at `pointer`; traps when they do not lie in the memory, aligned. */
export type ListLoader = (memory: GuestMemory, pointer: number, length: number) => unknown;

/** Copies a list into memory that the guest allocates. */
export type ListStorer = (memory: GuestMemory, values: never) => StoredRange;

/** Returns a reader of lists: numbers become a typed array of their own, anything else an array. */
export function listLoader(codec: MemoryCodec, element: ValueType): ListLoader {
  const { size, alignment } = codec.layouts.of(element);
  const numeric = NUMERIC_ARRAYS.get(element);
  if (numeric !== undefined) {
    return (memory, pointer, length) => {
      const count = length >>> 0;
      const start = memory.range(pointer, count * size, alignment);
      memory.charge(count * size);
      return new numeric(memory.bytes.buffer.slice(start, start + count * size));
    };
  }
  const load = codec.load(element);
  return (memory, pointer, length) => {
    const count = length >>> 0;
    const start = memory.range(pointer, count * size, alignment);
    memory.charge(count * ELEMENT_BYTES);
    const values: unknown[] = [];
    for (let index = 0; index < count; index++) values.push(load(memory, start + index * size));
    return values;
  };
}

/**
 * Returns a reader of lists for the length of one call: bytes are a view of the guest's memory, without a copy, which
 * the host must not keep.
 */
export function viewingListLoader(codec: MemoryCodec, element: ValueType): ListLoader {
  if (element !== "u8") return listLoader(codec, element);
  return (memory, pointer, length) => {
    const size = length >>> 0;
    const start = memory.range(pointer, size, 1);
    return memory.bytes.subarray(start, start + size);
  };
}

/** Returns a writer of lists, of arrays and typed arrays alike. */
export function listStorer(codec: MemoryCodec, element: ValueType): ListStorer {
  const { size, alignment } = codec.layouts.of(element);
  if (element === "u8") {
    return (memory, values: Uint8Array) => {
      const pointer = memory.allocate(values.length, 1);
      memory.bytes.set(values, pointer);
      return { pointer, length: values.length };
    };
  }
  const store = codec.store(element);
  return (memory, values: ArrayLike<never>) => {
    const pointer = memory.allocate(values.length * size, alignment);
    for (let index = 0; index < values.length; index++) store(memory, pointer + index * size, values[index]!);
    return { pointer, length: values.length };
  };
}
