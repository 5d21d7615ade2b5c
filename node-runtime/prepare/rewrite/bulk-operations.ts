import { OP } from "../../wasm-binary/instructions.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import type { AppendedFunction, Appendix } from "./appendix.ts";
import { callOf } from "./logical-growth.ts";
import type { ModuleShape } from "./module-shape.ts";

/**
 * Bulk operations in pieces: in place of an operation whose length the guest chooses stands a call of `$copy`, which is
 * small, so that V8 puts it into its callers. What is not short, `$copyLong` does, with a check of the epoch between two
 * pieces. The specification has the whole range checked before anything is written, so a range that is out of bounds is
 * left to the instruction itself, which traps, and pieces are never out of bounds:
 *
 *   (func $copy (param $to i32) (param $from i32) (param $count i32)
 *     (if (i32.le_u (local.get $count) (i32.const SHORT))
 *       (then (memory.copy (local.get $to) (local.get $from) (local.get $count)))
 *       (else (call $copyLong (local.get $to) (local.get $from) (local.get $count)))))
 *
 *   (func $copyLong (param $to i32) (param $from i32) (param $count i32)
 *     <check>
 *     (block $whole
 *       (br_if $whole (i32.le_u (local.get $count) (i32.const PIECE)))
 *       (br_if $whole <$to + $count is past the end>)
 *       (br_if $whole <$from + $count is past the end>)
 *       (if (i32.lt_u (i32.sub (local.get $to) (local.get $from)) (local.get $count))
 *         (then <from the last piece on, as the first would overwrite what is still to be read>)
 *         (else (loop $pieces
 *           <check>
 *           (memory.copy (local.get $to) (local.get $from) (i32.const PIECE))
 *           <$to, $from += PIECE, $count -= PIECE>
 *           (br_if $pieces (i32.gt_u (local.get $count) (i32.const PIECE)))))))
 *     (memory.copy (local.get $to) (local.get $from) (local.get $count)))
 *
 * `fill` has a value in place of `$from`; `init` reads a segment: of one that was dropped, the first piece traps.
 */

/** The longest piece: about a millisecond where the memory is touched for the first time. */
export interface PieceLengths {
  bytes: number;
  elements: number;
}

export const PIECE_LENGTHS: PieceLengths = { bytes: 1024 * 1024, elements: 64 * 1024 };

/** An operation up to this length is as short as any instruction. */
const SHORT_LENGTHS: PieceLengths = { bytes: 1024, elements: 16 };

/** An operation as it stands in a body: opcode, and those indices that it has. */
export interface BulkOperation {
  opcode: number;
  first: number;
  second: number;
}

/** Replaces the bulk operations of one module. */
export class BulkOperations {
  readonly #shape: ModuleShape;
  readonly #appendix: Appendix;
  readonly #check: () => Uint8Array;
  readonly #lengths: PieceLengths;

  constructor(shape: ModuleShape, appendix: Appendix, check: () => Uint8Array, lengths: PieceLengths) {
    this.#shape = shape;
    this.#appendix = appendix;
    this.#check = check;
    this.#lengths = lengths;
  }

  /** The most that this operation does without a check. */
  pieceOf({ opcode }: BulkOperation): number {
    return opcode < OP.tableInit ? this.#lengths.bytes : this.#lengths.elements;
  }

  /** The most that it does as quickly as any instruction. */
  shortOf(operation: BulkOperation): number {
    const { bytes, elements } = SHORT_LENGTHS;
    return Math.min(operation.opcode < OP.tableInit ? bytes : elements, this.pieceOf(operation));
  }

  /** Whether it reads a segment that is no longer than a piece. */
  readsLittle(operation: BulkOperation): boolean {
    const { opcode } = operation;
    if (opcode !== OP.memoryInit && opcode !== OP.tableInit) return false;
    return this.#segmentLength(operation) <= this.pieceOf(operation);
  }

  /** Returns what stands in its place: it takes the operation's three values and does the same, piece by piece. */
  inPieces(operation: BulkOperation): Uint8Array {
    const instruction = instructionOf(operation);
    const name = Buffer.from(instruction).toString("hex");
    const index = this.#appendix.function(name, () => {
      const long = this.#longFunction(operation);
      const call = callOf(this.#appendix.function(`${name} long`, () => long));
      return { type: long.type, body: shortOrElse(this.shortOf(operation), instruction, call) };
    });
    return callOf(index);
  }

  #longFunction(operation: BulkOperation): AppendedFunction {
    const { opcode, first, second } = operation;
    const instruction = instructionOf(operation);
    const parts = { check: this.#check(), instruction, length: this.pieceOf(operation) };
    const tableType = (index: number): Uint8Array => known(this.#shape.tableTypes[index], "table");
    switch (opcode) {
      case OP.memoryFill:
        return bulkFunction(parts, I32, [isPastEnd(TO, MEMORY_BYTES), forward(parts, [TO])]);
      case OP.memoryCopy:
        return bulkFunction(parts, I32, [isPastEnd(TO, MEMORY_BYTES), isPastEnd(FROM, MEMORY_BYTES), eitherWay(parts)]);
      case OP.memoryInit:
        return bulkFunction(parts, I32, [
          isPastEnd(TO, MEMORY_BYTES),
          isPastEnd(FROM, constant64(this.#segmentLength(operation))),
          forward(parts, [TO, FROM]),
        ]);
      case OP.tableFill:
        return bulkFunction(parts, tableType(first), [isPastEnd(TO, tableSize(first)), forward(parts, [TO])]);
      case OP.tableCopy:
        return bulkFunction(parts, I32, [
          isPastEnd(TO, tableSize(first)),
          isPastEnd(FROM, tableSize(second)),
          first === second ? eitherWay(parts) : forward(parts, [TO, FROM]),
        ]);
      case OP.tableInit:
        return bulkFunction(parts, I32, [
          isPastEnd(TO, tableSize(second)),
          isPastEnd(FROM, constant64(this.#segmentLength(operation))),
          forward(parts, [TO, FROM]),
        ]);
      default:
        throw new RangeError(`no bulk operation 0x${opcode.toString(16)}`);
    }
  }

  #segmentLength({ opcode, first }: BulkOperation): number {
    const { dataLengths, elementLengths } = this.#shape;
    return known((opcode === OP.memoryInit ? dataLengths : elementLengths)[first], "segment");
  }
}

/** Parameters. */
const TO = 0;
const FROM = 1;
const COUNT = 2;

const I32 = Uint8Array.of(0x7f);

interface Parts {
  check: Uint8Array;
  instruction: Uint8Array;
  length: number;
}

const OPERANDS = [0x20, TO, 0x20, FROM, 0x20, COUNT];

/** The body of the function that does the operation itself up to `length`, and calls the other beyond it. */
function shortOrElse(length: number, instruction: Uint8Array, call: Uint8Array): Uint8Array {
  const body = new Writer().raw([0, 0x20, COUNT]).raw(constant(length)).raw([0x4d, 0x04, 0x40]);
  body.raw(OPERANDS).raw(instruction).byte(0x05).raw(OPERANDS).raw(call).raw([0x0b, 0x0b]);
  return new Writer().sized(body.done()).done();
}

/** The function around what makes the pieces: the instruction itself for what is short, out of bounds or left. */
function bulkFunction(
  { check, instruction, length }: Parts,
  second: Uint8Array,
  pieces: Uint8Array[],
): AppendedFunction {
  const body = new Writer().byte(0).raw(check);
  body.raw([0x02, 0x40, 0x20, COUNT]).raw(constant(length)).raw([0x4d, 0x0d, 0]); // block; br_if 0 ($count <=u PIECE)
  for (const part of pieces) body.raw(part);
  body.byte(0x0b).raw(OPERANDS).raw(instruction).byte(0x0b);
  return {
    type: new Writer().raw([0x60, 3, 0x7f]).raw(second).raw([0x7f, 0]).done(),
    body: new Writer().sized(body.done()).done(),
  };
}

/** `br_if 0` when the range that starts at `start` is past the end; in 64 bits, as the sum may not fit into 32. */
function isPastEnd(start: number, size: Uint8Array): Uint8Array {
  const end = [0x20, start, 0xad, 0x20, COUNT, 0xad, 0x7c];
  return new Writer().raw(end).raw(size).raw([0x56, 0x0d, 0]).done();
}

const MEMORY_BYTES = Uint8Array.of(0x3f, 0, 0xad, 0x42, 16, 0x86); // extend(memory.size) << 16

function tableSize(table: number): Uint8Array {
  return new Writer().raw([0xfc, 16]).unsigned(table).byte(0xad).done();
}

/** Piece after piece, `moving` forward. */
function forward({ check, instruction, length }: Parts, moving: readonly number[]): Uint8Array {
  const loop = new Writer().raw([0x03, 0x40]).raw(check);
  loop.raw([0x20, TO, 0x20, FROM]).raw(constant(length)).raw(instruction);
  for (const local of moving) loop.raw([0x20, local]).raw(constant(length)).raw([0x6a, 0x21, local]);
  return loop.raw(shorten(length)).raw(whileLonger(length)).done();
}

/** Piece before piece. */
function backward({ check, instruction, length }: Parts): Uint8Array {
  const loop = new Writer().raw([0x03, 0x40]).raw(check).raw(shorten(length));
  loop.raw([0x20, TO, 0x20, COUNT, 0x6a, 0x20, FROM, 0x20, COUNT, 0x6a]).raw(constant(length)).raw(instruction);
  return loop.raw(whileLonger(length)).done();
}

/** Backward when the target begins within the source. */
function eitherWay(parts: Parts): Uint8Array {
  return new Writer()
    .raw([0x20, TO, 0x20, FROM, 0x6b, 0x20, COUNT, 0x49, 0x04, 0x40]) // if ($to - $from <u $count)
    .raw(backward(parts))
    .byte(0x05)
    .raw(forward(parts, [TO, FROM]))
    .byte(0x0b)
    .done();
}

/** `$count -= PIECE`. */
function shorten(length: number): Uint8Array {
  return new Writer().raw([0x20, COUNT]).raw(constant(length)).raw([0x6b, 0x21, COUNT]).done();
}

/** `br_if 0 ($count >u PIECE)`, and the loop's end. */
function whileLonger(length: number): Uint8Array {
  return new Writer().raw([0x20, COUNT]).raw(constant(length)).raw([0x4b, 0x0d, 0, 0x0b]).done();
}

function constant64(value: number): Uint8Array {
  return new Writer().byte(0x42).signed(value).done();
}

function constant(value: number): Uint8Array {
  return new Writer().byte(0x41).signed(value).done();
}

/** Writes the instruction again, its indices in their order. */
function instructionOf({ opcode, first, second }: BulkOperation): Uint8Array {
  const out = new Writer().byte(0xfc).byte(opcode & 0xff);
  if (opcode === OP.memoryFill) return out.byte(0).done();
  if (opcode === OP.memoryCopy) return out.raw([0, 0]).done();
  out.unsigned(first);
  if (opcode === OP.memoryInit) return out.byte(0).done();
  return opcode === OP.tableFill ? out.done() : out.unsigned(second).done();
}

function known<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new RangeError(`an operation on a ${what} that there is not`);
  return found;
}
