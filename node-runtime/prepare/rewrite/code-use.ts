import type { ModuleShape } from "./module-shape.ts";

/** What a module's code does to the module's state, gathered while its bodies are walked. */
export interface CodeUse {
  /** Places where something was written into a body. */
  checks: number;
  /** Those of them that mark writes. */
  marks: number;
  readsMemorySize: boolean;
  growsMemory: boolean;
  /** Indices of segments and tables, as the instructions name them. */
  initializedData: Set<number>;
  droppedData: Set<number>;
  initializedElements: Set<number>;
  droppedElements: Set<number>;
  writtenTables: Set<number>;
}

/** A use of nothing yet. */
export function emptyCodeUse(): CodeUse {
  return {
    checks: 0,
    marks: 0,
    readsMemorySize: false,
    growsMemory: false,
    initializedData: new Set(),
    droppedData: new Set(),
    initializedElements: new Set(),
    droppedElements: new Set(),
    writtenTables: new Set(),
  };
}

/** More exports of state than this would make a reset slower than a new instance. */
const MAX_EXPORTED_STATE = 1024;

/** Returns the own globals that may change. */
export function changingGlobals(shape: ModuleShape): ModuleShape["globals"] {
  return shape.globals.filter(({ mutable }) => mutable);
}

/** Returns the own tables that may change after instantiation: by the module's code, or by whoever they are exported to. */
export function changingTables(shape: ModuleShape, use: CodeUse): ModuleShape["tables"] {
  return shape.tables.filter(({ index }) => use.writtenTables.has(index) || shape.exportedTables.has(index));
}

/** Returns why an instance cannot be brought back to its first state from outside, or undefined when it can. */
export function notResettable(shape: ModuleShape, use: CodeUse): string | undefined {
  const globals = changingGlobals(shape);
  const tables = changingTables(shape, use);
  if (globals.length + tables.length > MAX_EXPORTED_STATE) return `more than ${MAX_EXPORTED_STATE} globals and tables`;
  const hidden = globals.find(({ type }) => type === "v128" || type === "exnref");
  if (hidden !== undefined) return `global ${hidden.index} of type ${hidden.type} cannot be read from outside`;
  const table = tables.find(({ type }) => type === "exnref");
  if (table !== undefined) return `table ${table.index} of type exnref cannot be read from outside`;
  const data = [...use.droppedData].find((index) => use.initializedData.has(index));
  if (data !== undefined) return `data segment ${data} is dropped for good`;
  const elements = [...use.droppedElements].find((index) => use.initializedElements.has(index));
  if (elements !== undefined) return `element segment ${elements} is dropped for good`;
  return undefined;
}
