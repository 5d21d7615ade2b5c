import { WRITES_PAGES } from "../../engine/write-marks.ts";
import { writeLimits } from "../../wasm-binary/limits.ts";
import { EXTERN, SECTION } from "../../wasm-binary/sections.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import type { Appendix } from "./appendix.ts";
import { changingGlobals, changingTables, type CodeUse } from "./code-use.ts";
import { HOST_PREFIX, type ModuleShape } from "./module-shape.ts";

/** Names of appended globals: the address of the epoch word, what a check calls, and the logical size of the memory. */
export const EPOCH_ADDRESS = "epoch address";
export const PAUSE = "pause";
export const LOGICAL_PAGES = "pages";

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
  epochAddress?: string;
  pause?: string;
}

/** What the rewriting found out and decided. */
export interface Plan {
  shape: ModuleShape;
  use: CodeUse;
  /** The own memory's limits after clamping. */
  memory: { minPages: number; maxPages: number } | undefined;
  /** What the patched code calls and reads. */
  appendix: Appendix;
  /** Whether the state is worth exporting. */
  exportsState: boolean;
}

/**
 * Returns what is appended. Nothing that the module defines changes its index: imports of memories count before its own
 * memory, of which there is none left, and all else comes last.
 */
export function planAdditions({ shape, use, memory, appendix, exportsState }: Plan): Additions {
  const entries = new Map<number, Entries>();
  const append = (section: number): Writer => {
    const known = entries.get(section) ?? { count: 0, writer: new Writer() };
    known.count++;
    entries.set(section, known);
    return known.writer;
  };
  const exportAs = (name: string, kind: "global" | "table", index: number): string => {
    append(SECTION.export).name(name).byte(EXTERN[kind]).unsigned(index);
    return name;
  };
  const exportState = (kind: "global" | "table", index: number): string =>
    exportAs(`${HOST_PREFIX}:${kind}:${index}`, kind, index);
  const importMemory = (name: string, min: number, max: number, shared: boolean): void => {
    const writer = append(SECTION.import).name(HOST_PREFIX).name(name).byte(EXTERN.memory);
    writeLimits(writer, { min, max, shared, is64: false });
  };

  if (memory !== undefined) importMemory("memory", memory.minPages, memory.maxPages, false);
  if (use.checks > 0) importMemory("epoch", 1, 1, true);
  if (use.marks > 0) importMemory("writes", WRITES_PAGES, WRITES_PAGES, false);
  for (const type of appendix.types) append(SECTION.type).raw(type);
  for (const { type, body } of appendix.functions) {
    append(SECTION.function).unsigned(type);
    append(SECTION.code).raw(body);
  }
  for (const global of appendix.globals) append(SECTION.global).raw(global);
  const address = appendix.findGlobal(EPOCH_ADDRESS);
  const pause = appendix.findGlobal(PAUSE);
  const pages = appendix.findGlobal(LOGICAL_PAGES);
  const globals = changingGlobals(shape).map(({ index }) => index);
  if (pages !== undefined) globals.push(pages);
  return {
    globals: exportsState ? globals.map((index) => exportState("global", index)) : [],
    tables: exportsState ? changingTables(shape, use).map(({ index }) => exportState("table", index)) : [],
    ...(address !== undefined && { epochAddress: exportAs(`${HOST_PREFIX}:epoch`, "global", address) }),
    ...(pause !== undefined && { pause: exportAs(`${HOST_PREFIX}:pause`, "global", pause) }),
    entries,
  };
}
