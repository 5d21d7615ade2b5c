import { OP } from "../../wasm-binary/instructions.ts";
import { Writer } from "../../wasm-binary/writer.ts";

/**
 * Loops that neither call nor hold another loop. A call at their head, though never made, would keep V8 from unrolling
 * them and make the tightest ones twice as long; so they leave, pause outside, and begin their round again:
 *
 *   (block $done BT (loop $again BT
 *     (block $pause
 *       (loop $leaf BT
 *         (br_if $pause (i32.load $epoch (i32.const 0)))
 *         <the body, its branches out of the loop three labels farther>)
 *       (br $done))
 *     (call $pause) (br $again)))
 *
 * At a loop's head nothing of it is on the stack, as loops with parameters are left as they are, and all else is in
 * locals: to begin the round again changes nothing.
 */

/** A change to a body. */
export interface Edit {
  at: number;
  /** Bytes of the original that it replaces. */
  replaces: number;
  bytes: Uint8Array | readonly number[];
  /** Where in `bytes` a branch stands that is hardly ever taken. */
  unlikely?: number;
}

/** What a check consists of where the engine may let the guest pause. */
export interface PauseCode {
  /** Leaves the epoch's word. */
  load: Uint8Array;
  /** The call that pauses. */
  pause: Uint8Array;
}

/** Labels that stand around a leaf's own. */
const LABELS_AROUND = 3;

interface OpenLoop {
  kind: "loop";
  at: number;
  type: Uint8Array;
  isLeaf: boolean;
  /** The check at its head. */
  check: Edit;
  /** Its branches to labels outside of it, as they are, and what they become. */
  outward: { edit: Edit; length: number; moved: Uint8Array }[];
}

type OpenBlock = OpenLoop | { kind: "block" };

/** Follows the blocks of one body, and turns its leaves into what pauses outside of them. */
export class LeafLoops {
  readonly #code: PauseCode;
  readonly #open: OpenBlock[] = [];
  /** Where in them the loops are. */
  readonly #loops: number[] = [];

  constructor(code: PauseCode) {
    this.#code = code;
  }

  /** A block begins that is no loop. */
  openBlock(): void {
    this.#open.push({ kind: "block" });
  }

  /** A loop begins at `at`, with this block type; `check` is what stands at its head unless it turns out to be a leaf. */
  openLoop(at: number, type: Uint8Array, check: Edit, hasParameters: boolean): void {
    this.disturb();
    this.#loops.push(this.#open.length);
    this.#open.push({ kind: "loop", at, type, check, isLeaf: !hasParameters, outward: [] });
  }

  /** Something is called, or done that is not followed here: the loop around it is no leaf. */
  disturb(): void {
    const loop = this.#innermost();
    if (loop !== undefined) loop.isLeaf = false;
  }

  /**
   * A branch stands at `at`: `opcode` with these labels, up to `end`. Returns the edit that may become necessary; it
   * changes nothing yet.
   */
  branch(at: number, end: number, opcode: number, labels: readonly number[]): Edit | undefined {
    const loop = this.#innermost();
    if (loop?.isLeaf !== true) return undefined;
    const own = this.#open.length - 1 - this.#loops.at(-1)!;
    if (labels.every((label) => label <= own)) return undefined;
    const edit: Edit = { at, replaces: 0, bytes: [] };
    const moved = labels.map((label) => (label <= own ? label : label + LABELS_AROUND));
    const writer = new Writer().byte(opcode);
    if (opcode === OP.brTable) writer.unsigned(moved.length - 1);
    for (const label of moved) writer.unsigned(label);
    loop.outward.push({ edit, length: end - at, moved: writer.done() });
    return edit;
  }

  /** A block ends at `end`, the position behind its last byte. Returns what belongs there. */
  close(end: number): Edit | undefined {
    const block = this.#open.pop();
    if (block?.kind !== "loop") return undefined;
    this.#loops.pop();
    if (!block.isLeaf) return undefined;
    const { load, pause } = this.#code;
    const { check, type, at } = block;
    check.replaces = check.at - at;
    check.at = at;
    check.bytes = new Writer()
      .byte(0x02)
      .raw(type)
      .byte(OP.loop)
      .raw(type)
      .raw([0x02, 0x40])
      .byte(OP.loop)
      .raw(type)
      .raw(load)
      .raw([OP.brIf, 1])
      .done();
    check.unlikely = check.bytes.length - 2;
    for (const { edit, length, moved } of block.outward) {
      edit.replaces = length;
      edit.bytes = moved;
    }
    const rest = new Writer().raw([OP.br, 2, OP.end]).raw(pause).raw([OP.br, 0, OP.end, OP.end]);
    return { at: end, replaces: 0, bytes: rest.done() };
  }

  #innermost(): OpenLoop | undefined {
    const index = this.#loops.at(-1);
    return index === undefined ? undefined : (this.#open[index] as OpenLoop);
  }
}
