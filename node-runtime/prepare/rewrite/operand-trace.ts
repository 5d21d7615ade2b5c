import { OP } from "../../wasm-binary/instructions.ts";

/** An operand that is not known to be the value of a local. */
const UNKNOWN = -1;

/** Operands deeper than this are forgotten: the trace of hostile code takes no longer than the code. */
const MAX_DEPTH = 16;

/** What simple instructions take, times two, plus one for those that leave a value; 0 stands for all others. */
const EFFECTS = effectsTable([
  [0, 1, [0x23, 0x23], [0x3f, 0x3f], [0x41, 0x44]], // global.get, memory.size, constants
  [1, 0, [0x0d, 0x0d], [0x1a, 0x1a], [0x24, 0x24]], // br_if, drop, global.set
  [1, 1, [0x25, 0x25], [0x28, 0x35], [0x40, 0x40]], // table.get, loads, memory.grow
  [2, 0, [0x26, 0x26], [0x36, 0x3e]], // table.set, stores
  [3, 1, [0x1b, 0x1c]], // select
  [1, 1, [0x45, 0x45], [0x50, 0x50], [0x67, 0x69], [0x79, 0x7b], [0x8b, 0x91], [0x99, 0x9f], [0xa7, 0xc4]],
  [2, 1, [0x46, 0x4f], [0x51, 0x66], [0x6a, 0x78], [0x7c, 0x8a], [0x92, 0x98], [0xa0, 0xa6]],
]);

/**
 * Which operands on top of the stack are what a local still holds: a suffix of the stack, empty where nothing is known.
 * It is kept through simple instructions and forgotten at all others, which is always right.
 */
export class OperandTrace {
  readonly #operands = new Int32Array(MAX_DEPTH);
  #depth = 0;

  /** Returns the local whose value the operand below the topmost is, or undefined. */
  get belowTop(): number | undefined {
    const local = this.#depth < 2 ? UNKNOWN : this.#operands[this.#depth - 2]!;
    return local === UNKNOWN ? undefined : local;
  }

  /** Follows one instruction, `index` being that of its local if it has one. */
  step(opcode: number, index: number): void {
    switch (opcode) {
      case OP.localGet:
        return this.#push(index);
      case OP.localSet:
        this.#pop(1);
        return this.#forgetLocal(index);
      case OP.localTee:
        this.#pop(1);
        this.#forgetLocal(index);
        return this.#push(index);
      default: {
        const effect = opcode < EFFECTS.length ? EFFECTS[opcode]! : 0;
        if (effect === 0) {
          this.#depth = 0;
          return;
        }
        this.#pop(effect >> 1);
        if ((effect & 1) === 1) this.#push(UNKNOWN);
      }
    }
  }

  #push(operand: number): void {
    if (this.#depth === MAX_DEPTH) {
      this.#operands.copyWithin(0, 1);
      this.#depth--;
    }
    this.#operands[this.#depth++] = operand;
  }

  #pop(count: number): void {
    this.#depth = Math.max(0, this.#depth - count);
  }

  #forgetLocal(index: number): void {
    const operands = this.#operands;
    for (let at = 0; at < this.#depth; at++) if (operands[at] === index) operands[at] = UNKNOWN;
  }
}

function effectsTable(
  effects: ReadonlyArray<readonly [takes: number, leaves: number, ...ranges: (readonly [from: number, to: number])[]]>,
): Uint8Array {
  const table = new Uint8Array(256);
  for (const [takes, leaves, ...ranges] of effects) {
    for (const [from, to] of ranges) table.fill(takes * 2 + leaves, from, to + 1);
  }
  return table;
}
