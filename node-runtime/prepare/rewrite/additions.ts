import { writeLimits } from "../../wasm-binary/limits.ts";
import { EXTERN, SECTION } from "../../wasm-binary/sections.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import { changingGlobals, changingTables, type CodeUse } from "./code-use.ts";
import { GROW_TYPE, growFunction, pagesGlobal } from "./logical-growth.ts";
import { HOST_PREFIX, type ModuleShape } from "./module-shape.ts";

/** Entries to append to a section's vector. */
export interface Entries {
  count: number;
  writer: Writer;
}

/** What is appended to a module, by section, and the names of the exports among it. */
export interface Additions {
  entries: ReadonlyMap<number, Entries>;
  globals: string[];
  tables: string[];
}

/** What the rewriting found out and decided. */
export interface Plan {
  shape: ModuleShape;
  use: CodeUse;
  /** The own memory's limits after clamping. */
  memory: { minPages: number; maxPages: number } | undefined;
  /** How many types the module has, where `memory.grow` becomes logical. */
  logicalGrowthType: number | undefined;
  /** Whether the state is worth exporting. */
  isResettable: boolean;
}

/**
 * Returns what is appended. Nothing that the module defines changes its index: imports of memories count before its own
 * memory, of which there is none left, and all else comes last.
 */
export function planAdditions({ shape, use, memory, logicalGrowthType, isResettable }: Plan): Additions {
  const entries = new Map<number, Entries>();
  const append = (section: number): Writer => {
    const known = entries.get(section) ?? { count: 0, writer: new Writer() };
    known.count++;
    entries.set(section, known);
    return known.writer;
  };
  const exportAs = (kind: "global" | "table", index: number): string => {
    const name = `${HOST_PREFIX}:${kind}:${index}`;
    append(SECTION.export).name(name).byte(EXTERN[kind]).unsigned(index);
    return name;
  };
  const importMemory = (name: string, min: number, max: number, shared: boolean): void => {
    const writer = append(SECTION.import).name(HOST_PREFIX).name(name).byte(EXTERN.memory);
    writeLimits(writer, { min, max, shared, is64: false });
  };

  if (memory !== undefined) importMemory("memory", memory.minPages, memory.maxPages, false);
  if (use.checks > 0) importMemory("epoch", 1, 1, true);
  const globals = isResettable ? changingGlobals(shape).map(({ index }) => exportAs("global", index)) : [];
  if (memory !== undefined && logicalGrowthType !== undefined) {
    const pages = shape.imported.globals + shape.globals.length;
    append(SECTION.type).raw(GROW_TYPE);
    append(SECTION.function).unsigned(logicalGrowthType);
    append(SECTION.code).raw(growFunction(pages));
    append(SECTION.global).raw(pagesGlobal(memory.minPages));
    if (isResettable) globals.push(exportAs("global", pages));
  }
  const tables = isResettable ? changingTables(shape, use).map(({ index }) => exportAs("table", index)) : [];
  return { entries, globals, tables };
}
