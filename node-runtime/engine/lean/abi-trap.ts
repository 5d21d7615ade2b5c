/**
 * A guest broke a rule of the canonical ABI, which traps it: thrown through the guest like the engine's own traps. The
 * message says which rule; it is stable and holds nothing of the guest's choosing but numbers.
 */
export class AbiTrap extends WebAssembly.RuntimeError {
  override readonly name = "AbiTrap";
}

/** Throws the trap unless the rule holds. */
export function trapUnless(holds: boolean, message: string): asserts holds {
  if (!holds) throw new AbiTrap(message);
}
