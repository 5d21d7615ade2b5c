import { WasmletError, messageOf } from "../../../common/errors.ts";
import { clampedMaximum } from "../../engine/module-sections.ts";
import { Reader } from "../../wasm-binary/reader.ts";
import { MODULE_HEADER, SECTION, sectionsOf, type Section } from "../../wasm-binary/sections.ts";
import { UnsupportedModule } from "../../wasm-binary/unsupported.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import { EPOCH_ADDRESS, LOGICAL_PAGES, PAUSE, planAdditions, type Additions, type Entries } from "./additions.ts";
import { Appendix } from "./appendix.ts";
import { BulkOperations, PIECE_LENGTHS, type PieceLengths } from "./bulk-operations.ts";
import { emptyCodeUse, notResettable, type CodeUse } from "./code-use.ts";
import { BranchHints } from "./branch-hints.ts";
import { epochCheck, epochLoad, NO_VALUES, pauseFunction, pauseGlobal, STOP } from "./epoch-check.ts";
import { patchBody, type BodyPatch } from "./function-body.ts";
import { callOf, counterGlobal, globalGetOf, growFunction } from "./logical-growth.ts";
import { readShape, standardSections, type ModuleShape } from "./module-shape.ts";

/** How a module is rewritten. */
export interface RewriteOptions {
  /** The own memory's maximum is lowered to this; `memory.grow` past it yields -1. */
  maxMemoryPages: number;
  /**
   * `physical`, the default: `memory.grow` grows the memory, which cannot shrink again. `logical`: a global holds the
   * size that the guest sees, so that a memory that is already larger serves too: docs/adr/0004-module-rewriting.md.
   */
  growth?: "physical" | "logical";
  /**
   * Which word of the epoch it checks. `first`, the default: the first one. `own`: that at the address in a global, 0 at
   * first, so that instances can be stopped one by one.
   */
  epochWord?: "first" | "own";
  /** Whether the engine decides what a check does whose word is set: it may let the guest go on later. Else it traps. */
  pauses?: boolean;
  /** Whether its state is exported, so that it can be reset; unless it is said, it is. */
  exportsState?: boolean;
  /** Whether it marks what it writes to its memory, so that a reset can leave the rest: write-marks.ts. */
  tracksWrites?: boolean;
  /** After how much a bulk operation checks the epoch again; other lengths are for tests. */
  pieceLengths?: PieceLengths;
}

/** A module made ready to be stopped and reset. */
export interface Rewritten {
  /** To be compiled by V8, which has accepted the original. */
  bytes: Uint8Array;
  /** Its own memory, now imported as ("wasmlet", "memory"). */
  memory?: { minPages: number; maxPages: number };
  /** Whether it imports ("wasmlet", "epoch"): a shared memory of one page; it traps when the i32 there is not 0. */
  epoch: boolean;
  /** Whether it imports ("wasmlet", "writes"): a memory of 16 pages, where it marks what it writes. */
  writes: boolean;
  /** The export of the global that holds the address of that i32; without it, the address is 0. */
  epochAddress?: string;
  /** The export of the global for the function that a check calls when the word is set; while it is null, that traps. */
  pause?: string;
  /** Exports added for its mutable globals, `wasmlet:global:<index>`; none when it is not resettable. */
  globals: string[];
  /** Exports added for those of its tables that may change, `wasmlet:table:<index>`; none when it is not resettable. */
  tables: string[];
  /** Whether the size of its own memory is among the globals, so that growth can be undone. */
  sizeIsLogical: boolean;
  /** Whether it asks for or changes the size of a memory, its own or an imported one. */
  usesMemorySize: boolean;
  /** Whether memory, globals and tables are all the state that its instance has. */
  resettable: boolean;
  /** Why it is not resettable. */
  reason?: string;
}

/** A module that runs as it is, and why, as a noun phrase: "64-bit memory". */
export interface Routed {
  routed: string;
}

/** How sections follow each other: not by their ids. That of memories is gone. */
const SECTION_ORDER = [
  SECTION.type,
  SECTION.import,
  SECTION.function,
  SECTION.table,
  SECTION.tag,
  SECTION.global,
  SECTION.export,
  SECTION.start,
  SECTION.element,
  SECTION.dataCount,
  SECTION.code,
  SECTION.data,
] as const;

/**
 * Rewrites a core module that V8 accepts: memory imported, epoch checked, state exported. Linear in the module's size.
 * Returns `routed` for what is not handled here; throws ARTIFACT_INVALID on broken bytes.
 */
export function rewriteModule(bytes: Uint8Array, options: RewriteOptions): Rewritten | Routed {
  try {
    return rewrite(bytes, options);
  } catch (thrown) {
    if (thrown instanceof UnsupportedModule) return { routed: thrown.message };
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new WasmletError("ARTIFACT_INVALID", `the module is not valid: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function rewrite(
  bytes: Uint8Array,
  { maxMemoryPages, growth = "physical", exportsState = true, tracksWrites = false, ...options }: RewriteOptions,
): Rewritten {
  const sections = standardSections(bytes);
  const shape = readShape(bytes, sections);
  const memory = shape.memory && {
    minPages: shape.memory.min,
    maxPages: clampedMaximum(shape.memory, maxMemoryPages),
  };
  const use = emptyCodeUse();
  const appendix = new Appendix(shape);
  const sizeIsLogical = growth === "logical" && memory !== undefined;
  const patch = {
    ...checksPatch(shape, appendix, options),
    ...(sizeIsLogical && sizePatch(memory.minPages, appendix)),
    ...(tracksWrites && shape.hasMemory && { marks: appendix }),
  };
  const hints = options.pauses === true ? new BranchHints(shape.imported.functions) : undefined;
  const code = patchCode(bytes, { section: sections.get(SECTION.code), shape }, { ...patch, ...hints?.patch }, use);
  const reason = exportsState ? notResettable(shape, use) : "its state is not exported";
  const { entries, ...exported } = planAdditions({
    shape,
    use,
    memory,
    appendix,
    exportsState: reason === undefined,
  });
  return {
    bytes: assemble(bytes, sections, entries, code, hints),
    ...(memory && { memory }),
    epoch: use.checks > 0,
    writes: use.marks > 0,
    ...exported,
    sizeIsLogical,
    usesMemorySize: use.readsMemorySize || use.growsMemory,
    resettable: reason === undefined,
    ...(reason !== undefined && { reason }),
  };
}

/** The checks, made when the first is needed: a module without any gets no global for them. */
function checksPatch(
  shape: ModuleShape,
  appendix: Appendix,
  {
    epochWord = "first",
    pauses = false,
    pieceLengths = PIECE_LENGTHS,
  }: Pick<RewriteOptions, "epochWord" | "pauses" | "pieceLengths">,
): Omit<BodyPatch, "memorySize" | "memoryGrow"> {
  const address = (): number | undefined =>
    epochWord === "own" ? appendix.global(EPOCH_ADDRESS, counterGlobal(0)) : undefined;
  const load = once(() => epochLoad(shape.hasMemory ? 1 : 0, address()));
  const whenSet = once(() => (pauses ? callOf(pauseOf(appendix)) : STOP));
  const check = once(() => epochCheck(load(), whenSet()));
  return {
    hasMemory: shape.hasMemory,
    importedFunctions: shape.imported.functions,
    parameters: shape.parameters,
    check,
    ...(pauses && { pause: () => ({ load: load(), pause: whenSet() }) }),
    bulk: new BulkOperations(shape, appendix, check, pieceLengths),
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** Returns the function that lets the engine decide. */
function pauseOf(appendix: Appendix): number {
  return appendix.function("pause", () => {
    const type = appendix.type(NO_VALUES);
    return pauseFunction(appendix.global(PAUSE, pauseGlobal(type)), type);
  });
}

/** What makes the size of the memory a global, of `minPages` at first. */
function sizePatch(minPages: number, appendix: Appendix): Pick<BodyPatch, "memorySize" | "memoryGrow"> {
  const pages = (): number => appendix.global(LOGICAL_PAGES, counterGlobal(minPages));
  return {
    memorySize: () => globalGetOf(pages()),
    memoryGrow: () => callOf(appendix.function("grow", () => growFunction(pages()))),
  };
}

/** A section's entries without their count. */
interface Vector {
  count: number;
  bytes: Uint8Array;
}

function vectorOf(bytes: Uint8Array, section: Section | undefined): Vector {
  if (section === undefined) return { count: 0, bytes: new Uint8Array(0) };
  const reader = new Reader(bytes, section.start, section.end);
  return { count: reader.u32(), bytes: bytes.subarray(reader.position, section.end) };
}

function patchCode(
  bytes: Uint8Array,
  { section, shape }: { section: Section | undefined; shape: ModuleShape },
  patch: BodyPatch,
  use: CodeUse,
): Vector {
  const { count, bytes: bodies } = vectorOf(bytes, section);
  const reader = new Reader(bodies);
  const out = new Writer(bodies.length * 2);
  for (let index = 0; index < count; index++) {
    const parameters = shape.parameters[shape.functionTypes[index] ?? -1];
    if (parameters === undefined) throw new RangeError(`function ${index} has no type`);
    patchBody(reader, patch, { parameters, use, out });
  }
  if (!reader.atEnd) throw new RangeError("the code section is longer than its functions");
  return { count, bytes: out.done() };
}

function assemble(
  bytes: Uint8Array,
  sections: ReadonlyMap<number, Section>,
  entries: Additions["entries"],
  code: Vector,
  hints: BranchHints | undefined,
): Uint8Array {
  const out = new Writer(bytes.length + code.bytes.length).raw(MODULE_HEADER);
  for (const id of SECTION_ORDER) {
    const section = sections.get(id);
    const added = entries.get(id);
    if (id === SECTION.code) hints?.writeSection(out);
    if (section !== undefined && added === undefined && id !== SECTION.code) {
      out.raw(bytes.subarray(section.headerStart, section.end));
    } else if (section !== undefined || added !== undefined) {
      writeVector(id, id === SECTION.code ? code : vectorOf(bytes, section), added, out);
    }
  }
  return copyNames(bytes, out).done();
}

function writeVector(id: number, { count, bytes }: Vector, added: Entries | undefined, out: Writer): void {
  const total = new Writer().unsigned(count + (added?.count ?? 0)).done();
  const extra = added?.writer.done() ?? new Uint8Array(0);
  out.byte(id).unsigned(total.length + bytes.length + extra.length);
  out.raw(total).raw(bytes).raw(extra);
}

/** Keeps the functions' names for stack traces; other custom sections tell offsets that are no longer true. */
function copyNames(bytes: Uint8Array, out: Writer): Writer {
  for (const { id, headerStart, start, end } of sectionsOf(bytes)) {
    const isNames = id === SECTION.custom && new Reader(bytes, start, end).name() === "name";
    if (isNames) out.raw(bytes.subarray(headerStart, end));
  }
  return out;
}
