import { globalGetOf } from "./logical-growth.ts";

/**
 * The epoch check: traps when its word of the memory with the index `memory` is not 0, else changes nothing.
 *
 *   (if (i32.load $epoch (i32.const 0)) (then unreachable))
 *
 * The word is the first one, or lies at the address in a global. A plain load, not an atomic one: V8 never moves a load of
 * a shared memory out of a loop (a test holds it to that), and compiles this to one comparison with memory and one branch
 * that is never taken.
 */
export function epochCheck(memory: 0 | 1, addressGlobal?: number): Uint8Array {
  const alignment = 2;
  const address = addressGlobal === undefined ? [0x41, 0] : globalGetOf(addressGlobal);
  const argument = memory === 0 ? [alignment, 0] : [alignment | 0x40, memory, 0];
  return Uint8Array.of(...address, 0x28, ...argument, 0x04, 0x40, 0x00, 0x0b);
}
