import { PAGE_SHIFT, SLACK_BYTES } from "../../engine/write-marks.ts";
import { OP, type Immediates } from "../../wasm-binary/instructions.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import type { AppendedFunction, Appendix } from "./appendix.ts";
import { callOf } from "./logical-growth.ts";
import { OperandTrace } from "./operand-trace.ts";

/**
 * Marks of writes: in front of each store its page is marked in a memory of the engine's (engine/write-marks.ts).
 *
 *   (i32.store8 $writes (i32.shr_u (i32.add <address> <offset>) (i32.const 12)) (i32.const 1))
 *
 * The address is that of a local where it is known to be (operand-trace.ts), and else put by in a local of our own, and
 * so is the value, which lies on top of it. A sum past 4 GiB marks another page, but then the store traps. Marks never
 * trap: there is one for each page of 4 GiB.
 *
 * A store needs no mark when one to the same local was marked before on every way that leads here, and is not farther
 * from it than a mark's slack. "Every way" is where code runs straight on: all is forgotten at each label.
 *
 * Bulk operations have a function in front that marks their range and returns their operands; those of a short constant
 * length are marked as a store is.
 */

/** The index of the memory of marks, behind the guest's own and the epoch, which is always imported then. */
const WRITES_INDEX = 2;

const I32 = 0x7f;
const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;
const V128 = 0x7b;

/** Instructions. A few bytes at each store: plain numbers are made faster than typed arrays. */
type Code = readonly number[];

/** The key of the own local for addresses; those for values have their types. */
const ADDRESS = 0;

/** How many bytes stores write, and the type of their value. */
const STORES: ReadonlyMap<number, readonly [bytes: number, type: number]> = new Map([
  [0x36, [4, I32]],
  [0x37, [8, I64]],
  [0x38, [4, F32]],
  [0x39, [8, F64]],
  [0x3a, [1, I32]],
  [0x3b, [2, I32]],
  [0x3c, [1, I64]],
  [0x3d, [2, I64]],
  [0x3e, [4, I64]],
  [OP.v128Store, [16, V128]],
  [OP.v128Store8Lane, [1, V128]],
  [0xfd59, [2, V128]],
  [0xfd5a, [4, V128]],
  [OP.v128Store64Lane, [8, V128]],
] as const);

/** Marks that are remembered for one local: the trace of hostile code takes no longer than the code. */
const MAX_KNOWN = 4;

/** Plans the marks of one function body. */
export class WriteMarks {
  /** Types of the locals to append, in their order. */
  readonly locals: number[] = [];
  readonly #firstLocal: number;
  readonly #appendix: Appendix;
  readonly #trace = new OperandTrace();
  /** Offsets that are marked, by the local that holds the address. */
  readonly #marked = new Map<number, number[]>();
  readonly #ownLocals = new Map<number, number>();
  /** The constant that the last instruction left on the stack. */
  #constant: number | undefined;

  /** `locals` is how many the function has, parameters included. */
  constructor(locals: number, appendix: Appendix) {
    this.#firstLocal = locals;
    this.#appendix = appendix;
  }

  /** Follows one instruction; returns what belongs in front of it, if anything. */
  step(opcode: number, { first }: Immediates): Code | undefined {
    const bytes = this.#markBefore(opcode, first);
    this.#trace.step(opcode, first);
    this.#constant = opcode === OP.i32Const ? first : undefined;
    if (opcode === OP.localSet || opcode === OP.localTee) this.#marked.delete(first);
    else if (isLabel(opcode)) this.#marked.clear();
    return bytes;
  }

  #markBefore(opcode: number, offset: number): Code | undefined {
    if (opcode < OP.i32Store) return undefined;
    if (opcode === OP.memoryInit || opcode === OP.memoryCopy || opcode === OP.memoryFill) {
      const length = this.#constant;
      if (length !== undefined && length >= 0 && length <= SLACK_BYTES) return this.#markShort(length);
      return [...callOf(this.#appendix.function("mark range", markRangeFunction))];
    }
    if (opcode > OP.i64Store32 && opcode < OP.v128Store) return undefined;
    const store = STORES.get(opcode);
    if (store === undefined) return undefined;
    const [size, type] = store;
    const base = this.#trace.belowTop;
    if (base === undefined) return this.#markUnknown(type, offset);
    return this.#isCovered(base, offset, size) ? undefined : markOf([], base, offset, 0x20);
  }

  /** Drops the length, which is a constant, marks, and has it back. */
  #markShort(length: number): Code {
    const out = [0x1a, ...this.#markUnknown(I32, 0), 0x41];
    pushSigned(out, length);
    return out;
  }

  /** Puts value and address by, marks, and has them back. */
  #markUnknown(type: number, offset: number): Code {
    const address = this.#ownLocal(ADDRESS, I32);
    const value = this.#ownLocal(type, type);
    const out = pushUnsigned([0x21], value);
    markOf(out, address, offset, 0x22).push(0x20);
    pushUnsigned(out, address).push(0x20);
    return pushUnsigned(out, value);
  }

  /** Whether a mark covers the store; if not, it will have one of its own. */
  #isCovered(base: number, offset: number, size: number): boolean {
    const known = this.#marked.get(base);
    if (known === undefined) {
      this.#marked.set(base, [offset]);
      return false;
    }
    if (known.some((at) => offset >= at - SLACK_BYTES && offset + size <= at + SLACK_BYTES)) return true;
    if (known.length === MAX_KNOWN) known.shift();
    known.push(offset);
    return false;
  }

  /** Returns the own local for values of a type, or for addresses. */
  #ownLocal(key: number, type: number): number {
    const known = this.#ownLocals.get(key);
    if (known !== undefined) return known;
    const index = this.#firstLocal + this.locals.length;
    this.locals.push(type);
    this.#ownLocals.set(key, index);
    return index;
  }
}

/** Whether code may get here another way than from what stands before. Where a block begins is none. */
function isLabel(opcode: number): boolean {
  switch (opcode) {
    case OP.loop:
    case OP.else:
    case OP.end:
    case OP.catch:
    case OP.catchAll:
    case OP.delegate:
      return true;
    default:
      return false;
  }
}

/** Marks the page of the address in a local, which `access` gets (0x20) or tees (0x22). */
function markOf(out: number[], local: number, offset: number, access: number): number[] {
  out.push(access);
  pushUnsigned(out, local);
  if (offset !== 0) {
    out.push(0x41);
    pushSigned(out, offset);
    out.push(0x6a);
  }
  out.push(0x41, PAGE_SHIFT, 0x76, ...MARK);
  return out;
}

function pushUnsigned(out: number[], value: number): number[] {
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
  return out;
}

function pushSigned(out: number[], value: number): void {
  let rest = value | 0;
  for (; rest < -0x40 || rest > 0x3f; rest >>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest & 0x7f);
}

/** i32.const 1; i32.store8 $writes */
const MARK = [0x41, 1, 0x3a, 0x40, WRITES_INDEX, 0];

/**
 * Returns the function that takes and returns a bulk operation's operands:
 *
 *   (func $mark (param $to i32) (param $other i32) (param $count i32) (result i32 i32 i32)
 *     (local $first i32) (local $last i32)
 *     (local.set $last (i32.sub (i32.add (local.get $to) (local.get $count)) (i32.const 1)))
 *     (if (i32.and (i32.ne (local.get $count) (i32.const 0)) (i32.ge_u (local.get $last) (local.get $to)))
 *       (then
 *         <marks of the first page, $first, and of the last, from here on $last>
 *         (if (i32.gt_u (i32.sub (local.get $last) (local.get $first)) (i32.const 1))
 *           (then (memory.fill $writes (local.get $first) (i32.const 1)
 *             (i32.sub (local.get $last) (local.get $first)))))))
 *     (local.get $to) (local.get $other) (local.get $count))
 *
 * A range that ends past 4 GiB is not marked: the operation traps before it writes anything.
 */
function markRangeFunction(): AppendedFunction {
  const body = new Writer()
    .raw([1, 2, I32])
    .raw([0x20, 0, 0x20, 2, 0x6a, 0x41, 1, 0x6b, 0x21, 4]) // $last = $to + $count - 1
    .raw([0x20, 2, 0x41, 0, 0x47, 0x20, 4, 0x20, 0, 0x4f, 0x71, 0x04, 0x40]) // if $count != 0 and $last >=u $to
    .raw([0x20, 0, 0x41, PAGE_SHIFT, 0x76, 0x22, 3, ...MARK]) // the first page
    .raw([0x20, 4, 0x41, PAGE_SHIFT, 0x76, 0x22, 4, ...MARK]) // the last page
    .raw([0x20, 4, 0x20, 3, 0x6b, 0x41, 1, 0x4b, 0x04, 0x40]) // if there are others: all of them
    .raw([0x20, 3, 0x41, 1, 0x20, 4, 0x20, 3, 0x6b, 0xfc, 0x0b, WRITES_INDEX, 0x0b, 0x0b])
    .raw([0x20, 0, 0x20, 1, 0x20, 2, 0x0b]);
  const type = Uint8Array.of(0x60, 3, I32, I32, I32, 3, I32, I32, I32);
  return { type, body: new Writer().sized(body.done()).done() };
}
