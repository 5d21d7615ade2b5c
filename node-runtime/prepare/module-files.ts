import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PreparedArtifact, Rewriting } from "../artifacts/prepared-artifact.ts";
import { WasmletError } from "../../common/errors.ts";
import { readMemories } from "../engine/module-sections.ts";
import { MAX_TABLE_ELEMENTS, readTables } from "../engine/table-bounds.ts";
import { firstLine } from "./first-line.ts";
import { rewriteModule, type Rewritten } from "./rewrite/rewrite.ts";

/** A core module as it was found in an artifact. */
export interface ModuleSource {
  name: string;
  bytes: Uint8Array;
  /** How many instances of it one instance of the artifact has; one when left out. */
  instances?: number;
}

type Result = ReturnType<typeof rewriteModule>;

type ModuleRecord = PreparedArtifact["modules"][number];

/** The most pages of a memory with 32-bit addresses: limits.memory is not known here. */
const MAX_PAGES = 65_536;

/**
 * Leaves modules that can be stopped and reset, or as they are where the rewriting does not handle them; returns their
 * records. Where one grows another's memory (an adapter does), sizes stay physical.
 */
export function writeResettable(directory: string, modules: readonly ModuleSource[]): ModuleRecord[] {
  const rewriteWith = (growth: "logical" | "physical"): Result[] =>
    modules.map(({ bytes }) => rewriteModule(bytes, { maxMemoryPages: MAX_PAGES, growth, pauses: true }));
  const logical = rewriteWith("logical");
  const isShared = logical.some((one) => !("routed" in one) && one.memory === undefined && one.usesMemorySize);
  return writeRewritten(directory, modules, isShared ? rewriteWith("physical") : logical);
}

/** Leaves what `writeResettable` leaves, and beside it modules that mark what they write to their memories. */
export function writeTracked(directory: string, modules: readonly ModuleSource[]): ModuleRecord[] {
  const records = writeResettable(directory, modules);
  for (const [index, { bytes }] of modules.entries()) {
    const record = records[index]!;
    if (record.rewriting === undefined) continue;
    const growth = record.rewriting.sizeIsLogical ? "logical" : "physical";
    const result = rewriteModule(bytes, { maxMemoryPages: MAX_PAGES, growth, pauses: true, tracksWrites: true });
    // Marks may make a function larger than V8 compiles: resets are full ones then.
    if ("routed" in result || !WebAssembly.validate(result.bytes)) continue;
    const rewriting = rewritingOf(result);
    if (result.writes) {
      const file = `core-${index}-tracked.wasm`;
      writeFileSync(join(directory, file), result.bytes);
      record.tracked = { file, bytes: result.bytes.length, rewriting };
    } else record.tracked = { file: record.file, bytes: record.bytes, rewriting };
  }
  return records;
}

/** Leaves modules whose instances can be stopped one by one, or as they are; for an engine that resets none. */
export function writeStoppable(directory: string, modules: readonly ModuleSource[]): ModuleRecord[] {
  const options = { maxMemoryPages: MAX_PAGES, epochWord: "own", exportsState: false } as const;
  return writeRewritten(
    directory,
    modules,
    modules.map(({ bytes }) => rewriteModule(bytes, options)),
  );
}

function writeRewritten(
  directory: string,
  modules: readonly ModuleSource[],
  results: readonly Result[],
): ModuleRecord[] {
  const records = modules.map((module, index) => {
    const record = writeModule(directory, module, index);
    const result = results[index]!;
    // What the rewriting does not handle, or V8 does not accept of it, runs as it is: without deadlines and resets.
    if ("routed" in result || !WebAssembly.validate(result.bytes)) return record;
    writeFileSync(join(directory, record.file), result.bytes);
    record.bytes = result.bytes.length;
    record.rewriting = rewritingOf(result);
    return record;
  });
  checkTables(modules);
  return records;
}

/** Throws ARTIFACT_MEMORY_LIMIT when an instance would start with larger tables than any may have. */
function checkTables(modules: readonly ModuleSource[]): void {
  const elements = modules.reduce((sum, { bytes, instances = 1 }) => {
    return sum + instances * readTables(bytes).reduce((ofModule, { min }) => ofModule + min, 0);
  }, 0);
  if (elements <= MAX_TABLE_ELEMENTS) return;
  throw new WasmletError(
    "ARTIFACT_MEMORY_LIMIT",
    `the artifact starts with tables of ${elements} elements, more than an instance may have: ${MAX_TABLE_ELEMENTS}`,
    { fix: "Build the artifact with smaller tables." },
  );
}

/** What the engine must know of a rewritten module. */
function rewritingOf(result: Rewritten): Rewriting {
  const { bytes: _, usesMemorySize: _uses, reason: _reason, ...rewriting } = result;
  return rewriting;
}

/** Leaves the artifact's module number `index` as it is; throws ARTIFACT_INVALID or ARTIFACT_NOT_OFFERED. */
function writeModule(directory: string, { name, bytes, instances = 1 }: ModuleSource, index: number): ModuleRecord {
  compileModule(bytes);
  const memories = readMemories(bytes);
  if (memories.some(({ shared }) => shared)) {
    throw new WasmletError("ARTIFACT_NOT_OFFERED", "the module uses shared memory (threads), which is not offered");
  }
  const own = memories.filter(({ imported }) => !imported);
  const file = `core-${index}.wasm`;
  writeFileSync(join(directory, file), bytes);
  return {
    name,
    file,
    bytes: bytes.length,
    minMemoryPages: own.reduce((sum, { minPages }) => sum + minPages, 0),
    ...(instances > 1 && { instances }),
  };
}

/** Compiles with the engine that will run it: what V8 refuses is refused here, not at the first request. */
export function compileModule(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new WasmletError("ARTIFACT_INVALID", `the module is not valid: ${firstLine(cause)}`, { cause });
  }
}
