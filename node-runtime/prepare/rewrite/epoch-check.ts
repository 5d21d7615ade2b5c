/**
 * The epoch check: traps when word 0 of the memory with the index `memory` is not 0, else changes nothing.
 *
 *   (if (i32.load $epoch (i32.const 0)) (then unreachable))
 *
 * A plain load, not an atomic one: V8 never moves a load of a shared memory out of a loop (a test holds it to that), and
 * compiles this to one comparison with memory and one branch that is never taken.
 */
export function epochCheck(memory: 0 | 1): Uint8Array {
  const alignment = 2;
  const argument = memory === 0 ? [alignment, 0] : [alignment | 0x40, memory, 0];
  return Uint8Array.of(0x41, 0, 0x28, ...argument, 0x04, 0x40, 0x00, 0x0b);
}
