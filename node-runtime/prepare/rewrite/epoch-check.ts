import { Writer } from "../../wasm-binary/writer.ts";
import type { AppendedFunction } from "./appendix.ts";
import { globalGetOf } from "./logical-growth.ts";

/** The trap of a guest that is stopped. */
export const STOP = Uint8Array.of(0x00);

/**
 * Returns the epoch check: it does `whenSet` when the word that `load` leaves is not 0, else it changes nothing.
 *
 *   (if (i32.load $epoch (i32.const 0)) (then <whenSet>))
 */
export function epochCheck(load: Uint8Array, whenSet: Uint8Array): Uint8Array {
  return Uint8Array.of(...load, 0x04, 0x40, ...whenSet, 0x0b);
}

/**
 * Returns what leaves a word of the memory with the index `memory`: the first one, or that at the address in a global. A
 * plain load, not an atomic one: V8 never moves a load of a shared memory out of a loop (a test holds it to that), and
 * compiles it and the check to one comparison with memory and one branch that is never taken.
 */
export function epochLoad(memory: 0 | 1, addressGlobal?: number): Uint8Array {
  const alignment = 2;
  const address = addressGlobal === undefined ? [0x41, 0] : globalGetOf(addressGlobal);
  const argument = memory === 0 ? [alignment, 0] : [alignment | 0x40, memory, 0];
  return Uint8Array.of(...address, 0x28, ...argument);
}

/** Returns the entry of a mutable global of the type `(ref null $type)` that is null at first. */
export function pauseGlobal(type: number): Uint8Array {
  return new Writer().byte(0x63).signed(type).raw([1, 0xd0]).signed(type).byte(0x0b).done();
}

/** The type of functions that take and return nothing. */
export const NO_VALUES = Uint8Array.of(0x60, 0, 0);

/**
 * Returns the function that a check calls so that the engine decides: `(call_ref $type (global.get $pause))`. It traps
 * while the engine has not set the global.
 */
export function pauseFunction(global: number, type: number): AppendedFunction {
  const body = new Writer().byte(0).raw(globalGetOf(global)).byte(0x14).unsigned(type).byte(0x0b);
  return { type: NO_VALUES, body: new Writer().sized(body.done()).done() };
}
