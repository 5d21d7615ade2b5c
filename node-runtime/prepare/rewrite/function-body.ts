import { nextInstruction, OP, type WalkedModule } from "../../wasm-binary/instructions.ts";
import { Reader } from "../../wasm-binary/reader.ts";
import { UnsupportedModule } from "../../wasm-binary/unsupported.ts";
import { readValueType } from "../../wasm-binary/value-types.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import type { Appendix } from "./appendix.ts";
import type { BulkOperations } from "./bulk-operations.ts";
import type { CodeUse } from "./code-use.ts";
import { type Edit, LeafLoops, type PauseCode } from "./leaf-loops.ts";
import { WriteMarks } from "./write-marks.ts";

/** What is written into function bodies, and in place of what. */
export interface BodyPatch extends WalkedModule {
  /** Returns the epoch check: instructions that neither take nor leave a value. */
  check: () => Uint8Array;
  /** What the check consists of, where it may pause; undefined where it traps. */
  pause?: () => PauseCode;
  /** Where branches stand that are hardly ever taken: told for each body, in bytes from where its code begins. */
  unlikely?: (offsets: number[]) => void;
  /** Return what stands in place of `memory.size` and `memory.grow`; undefined keeps them. */
  memorySize?: () => Uint8Array;
  memoryGrow?: () => Uint8Array;
  /** What makes long operations interruptible. */
  bulk: Pick<BulkOperations, "shortOf" | "pieceOf" | "readsLittle" | "inPieces">;
  importedFunctions: number;
  /** How many parameters each type has. */
  parameters: readonly number[];
  /** Has writes to the memory marked, with what is appended there. */
  marks?: Appendix;
}

/**
 * A body up to this size without loops and calls needs no check: it ends within a microsecond, and whoever calls it is
 * checked.
 */
const LIGHT_BODY_BYTES = 256;

/** V8 refuses larger function bodies: kV8MaxWasmFunctionSize. */
const MAX_BODY_BYTES = 7_654_321;

/** V8 refuses more locals: kV8MaxWasmFunctionLocals. */
const MAX_LOCALS = 50_000;

/**
 * Writes the function body at `reader` (its size in front) with checks at its entry, at each loop head, and before each
 * operation that may take long by itself, or with a call in its place that takes it piece by piece; notes in `use` what
 * the body does to the module's state.
 *
 * A cycle of calls, tail calls included, runs through entries; any other cycle through a loop head. The entry of a
 * function with loops is checked too: V8 then keeps the address of the word in a register for the loop heads.
 */
export function patchBody(
  reader: Reader,
  patch: BodyPatch,
  { parameters, use, out }: { parameters: number; use: CodeUse; out: Writer },
): void {
  const size = reader.u32();
  const start = reader.position;
  reader.skip(size);
  const body = new Reader(reader.bytes, start, reader.position);
  const groups = body.u32();
  const groupsStart = body.position;
  let locals = parameters;
  for (let count = groups; count > 0; count--) {
    locals += body.u32();
    readValueType(body);
  }
  const entry = body.position;
  const marks = patch.marks && new WriteMarks(locals, patch.marks);
  const { edits, needsEntryCheck } = planEdits(body, patch, use, marks);
  if (needsEntryCheck || size > LIGHT_BODY_BYTES) edits.unshift(checkAt(entry, patch));
  use.checks += edits.length;
  if (marks !== undefined && marks.locals.length > 0) {
    if (locals + marks.locals.length > MAX_LOCALS) throw new UnsupportedModule("a function with too many locals");
    edits.unshift(...localEdits({ start, groupsStart, entry, groups }, marks.locals));
  }
  writeEdited(reader.bytes, { start, end: reader.position }, edits, out);
  patch.unlikely?.(unlikelyOffsets(start, edits));
}

/** A check to be written at `at`. Its branch stands in front of what is done when the word is set, and an `end`. */
function checkAt(at: number, { check, pause }: BodyPatch): Edit {
  const bytes = check();
  const whenSet = pause?.().pause.length;
  return { at, replaces: 0, bytes, ...(whenSet !== undefined && { unlikely: bytes.length - whenSet - 3 }) };
}

/** Where the branches that are hardly ever taken come to stand, from the first byte of the body on. */
function unlikelyOffsets(start: number, edits: readonly Edit[]): number[] {
  const offsets: number[] = [];
  let moved = -start;
  for (const { at, replaces, bytes, unlikely } of edits) {
    if (unlikely !== undefined) offsets.push(at + moved + unlikely);
    moved += bytes.length - replaces;
  }
  return offsets;
}

/** Appends locals, each a group of its own, behind those that stand in front of the code. */
function localEdits(
  { start, groupsStart, entry, groups }: { start: number; groupsStart: number; entry: number; groups: number },
  types: readonly number[],
): Edit[] {
  const count = new Writer().unsigned(groups + types.length).done();
  return [
    { at: start, replaces: groupsStart - start, bytes: count },
    { at: entry, replaces: 0, bytes: Uint8Array.from(types.flatMap((type) => [1, type])) },
  ];
}

function planEdits(
  body: Reader,
  patch: BodyPatch,
  use: CodeUse,
  marks: WriteMarks | undefined,
): { edits: Edit[]; needsEntryCheck: boolean } {
  const edits: Edit[] = [];
  const leaves = patch.pause && new LeafLoops(patch.pause());
  const check = (at: number): void => {
    leaves?.disturb();
    edits.push(checkAt(at, patch));
  };
  const immediates = { first: 0, second: 0 };
  const bulk = (at: number, opcode: number, length: number): void => {
    const operation = { opcode, ...immediates };
    if (length <= patch.bulk.shortOf(operation)) return;
    leaves?.disturb();
    if (length <= patch.bulk.pieceOf(operation) || patch.bulk.readsLittle(operation)) check(at);
    else edits.push({ at, replaces: body.position - at, bytes: patch.bulk.inPieces(operation) });
  };
  let needsEntryCheck = false;
  let opcode: number = OP.end;
  while (!body.atEnd) {
    const at = body.position;
    const previous = opcode;
    const constant = immediates.first;
    opcode = nextInstruction(body, patch, immediates);
    const mark = marks?.step(opcode, immediates);
    if (mark !== undefined) {
      edits.push({ at, replaces: 0, bytes: mark });
      use.marks++;
    }
    if (leaves !== undefined) {
      if (opcode === OP.loop) {
        const edit = checkAt(body.position, patch);
        leaves.openLoop(at, body.bytes.subarray(at + 1, body.position), edit, takesParameters(body, at, patch));
        edits.push(edit);
        needsEntryCheck = true;
        continue;
      }
      const edit = followBlocks(leaves, opcode, body, at);
      if (edit !== undefined) edits.push(edit);
    }
    // What changes nothing here: more than nine of ten instructions.
    if (opcode > OP.memoryGrow && opcode < OP.memoryInit) continue;
    const length = previous === OP.i32Const && constant >= 0 ? constant : Infinity;
    switch (opcode) {
      case OP.loop:
        needsEntryCheck = true;
        check(body.position);
        break;
      case OP.call:
      case OP.returnCall:
        // A guest's function has its own check; the host's has not.
        if (immediates.first < patch.importedFunctions) check(at);
        else needsEntryCheck = true;
        leaves?.disturb();
        break;
      case OP.callIndirect:
      case OP.returnCallIndirect:
      case OP.callRef:
      case OP.returnCallRef:
        needsEntryCheck = true;
        leaves?.disturb();
        break;
      case OP.memorySize:
        use.readsMemorySize = true;
        if (patch.memorySize) edits.push({ at, replaces: body.position - at, bytes: patch.memorySize() });
        break;
      case OP.memoryGrow:
        use.growsMemory = true;
        check(at);
        if (patch.memoryGrow) edits.push({ at, replaces: body.position - at, bytes: patch.memoryGrow() });
        break;
      case OP.memoryInit:
        use.initializedData.add(immediates.first);
        bulk(at, opcode, length);
        break;
      case OP.memoryCopy:
      case OP.memoryFill:
        bulk(at, opcode, length);
        break;
      case OP.dataDrop:
        use.droppedData.add(immediates.first);
        break;
      case OP.elemDrop:
        use.droppedElements.add(immediates.first);
        break;
      case OP.tableSet:
        use.writtenTables.add(immediates.first);
        break;
      case OP.tableInit:
        use.initializedElements.add(immediates.first);
        use.writtenTables.add(immediates.second);
        bulk(at, opcode, length);
        break;
      case OP.tableCopy:
      case OP.tableFill:
        use.writtenTables.add(immediates.first);
        bulk(at, opcode, length);
        break;
      case OP.tableGrow:
        use.writtenTables.add(immediates.first);
        if (length > patch.bulk.shortOf({ opcode, ...immediates })) check(at);
        break;
      default:
        break;
    }
  }
  if (opcode !== OP.end) throw new RangeError(`a function does not close, at byte ${body.position}`);
  return { edits: edits.filter(({ replaces, bytes }) => replaces > 0 || bytes.length > 0), needsEntryCheck };
}

/** Whether the loop at `at` takes values from the stack. */
function takesParameters(body: Reader, at: number, { parameters }: BodyPatch): boolean {
  const first = body.bytes[at + 1]!;
  if (first >= 0x40 && first < 0x80) return false;
  return parameters[new Reader(body.bytes, at + 1, body.position).u32()] !== 0;
}

/** Tells the loops what one instruction does to their blocks; returns the edit that this may need. */
function followBlocks(leaves: LeafLoops, opcode: number, body: Reader, at: number): Edit | undefined {
  switch (opcode) {
    case OP.block:
    case OP.if:
      leaves.openBlock();
      return undefined;
    case OP.try:
    case OP.tryTable:
      leaves.disturb();
      leaves.openBlock();
      return undefined;
    case OP.catch:
    case OP.catchAll:
    case OP.rethrow:
    case OP.brOnNull:
    case OP.brOnNonNull:
      leaves.disturb();
      return undefined;
    case OP.delegate:
      leaves.disturb();
      return leaves.close(body.position);
    case OP.end:
      return leaves.close(body.position);
    case OP.br:
    case OP.brIf:
    case OP.brTable:
      return leaves.branch(at, body.position, opcode, labelsOf(body, at, opcode));
    default:
      return undefined;
  }
}

function labelsOf(body: Reader, at: number, opcode: number): number[] {
  const reader = new Reader(body.bytes, at + 1, body.position);
  const count = opcode === OP.brTable ? reader.u32() + 1 : 1;
  return Array.from({ length: count }, () => reader.u32());
}

function writeEdited(
  bytes: Uint8Array,
  { start, end }: { start: number; end: number },
  edits: readonly Edit[],
  out: Writer,
): void {
  let size = end - start;
  for (const edit of edits) size += edit.bytes.length - edit.replaces;
  if (size > MAX_BODY_BYTES) throw new UnsupportedModule("a function that would become larger than V8 compiles");
  out.unsigned(size);
  let copied = start;
  for (const edit of edits) {
    out.raw(bytes.subarray(copied, edit.at)).raw(edit.bytes);
    copied = edit.at + edit.replaces;
  }
  out.raw(bytes.subarray(copied, end));
}
