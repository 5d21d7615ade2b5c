import { clampMemories, readMemories, WASM_PAGE_BYTES } from "./module-sections.ts";
import { clampTables, MAX_TABLE_ELEMENTS, readTables } from "./table-bounds.ts";

/** Pages that a memory with 32-bit addresses can have at the most. */
const MAX_PAGES_32 = 65_536;

/** A core module as an artifact carries it. */
export interface ModuleBytes {
  bytes: Uint8Array;
  /** How many instances of it one instance of the artifact has. */
  instances: number;
  /** The bounds of the memory that it imports of its engine, in pages. */
  hostMemory?: { minPages: number; maxPages: number } | undefined;
}

/** A core module that is ready to be instantiated. */
export interface CompiledModule {
  module: WebAssembly.Module;
  /** The most pages of the memory that it imports of its engine. */
  hostMemoryPages: number | undefined;
}

/** One memory that wants to grow: its bounds in pages, and how many of it there will be. */
export interface MemoryWish {
  minPages: number;
  maxPages: number;
  copies: number;
}

/**
 * Returns the modules compiled, all their memories together bounded to `maxMemoryBytes` and all their tables to
 * `MAX_TABLE_ELEMENTS`; see `shareBudget`.
 */
export function compileModules(modules: readonly ModuleBytes[], maxMemoryBytes: number): CompiledModule[] {
  const wishes = modules.map((module) => [...hostWish(module), ...ownWishes(module)]);
  const maxima = shareBudget(wishes.flat(), Math.floor(maxMemoryBytes / WASM_PAGE_BYTES));
  const tables = modules.map(tableWishes);
  const tableMaxima = shareBudget(tables.flat(), MAX_TABLE_ELEMENTS);
  return modules.map(({ bytes, hostMemory }, index) => {
    const granted = maxima.splice(0, wishes[index]!.length);
    const hostMemoryPages = hostMemory && granted.shift();
    const elements = tableMaxima.splice(0, tables[index]!.length);
    const module = new WebAssembly.Module(clampTables(clampMemories(bytes, granted), elements));
    return { module, hostMemoryPages };
  });
}

/** Tables are divided as memories are, in elements instead of pages. */
function tableWishes({ bytes, instances }: ModuleBytes): MemoryWish[] {
  return readTables(bytes).map(({ min, max = Infinity }) => {
    return { minPages: min, maxPages: Math.max(min, Math.min(max, MAX_TABLE_ELEMENTS)), copies: instances };
  });
}

function hostWish({ hostMemory, instances }: ModuleBytes): MemoryWish[] {
  return hostMemory === undefined ? [] : [{ ...hostMemory, copies: instances }];
}

function ownWishes({ bytes, instances }: ModuleBytes): MemoryWish[] {
  return readMemories(bytes)
    .filter(({ imported }) => !imported)
    .map(({ minPages, maxPages, is64 }) => {
      const ceiling = is64 ? Number.MAX_SAFE_INTEGER : MAX_PAGES_32;
      return { minPages, maxPages: Math.min(maxPages ?? ceiling, ceiling), copies: instances };
    });
}

/**
 * Returns the most pages of each memory. Every memory has its minimum; what the budget has beyond the minimums is
 * divided evenly among the memories, and what one may not use by its own maximum goes to the others. So one memory, the
 * usual case, has all of it, and many never have more than the budget together (unless their minimums alone do).
 */
export function shareBudget(wishes: readonly MemoryWish[], budgetPages: number): number[] {
  const growth = (wish: MemoryWish): number => wish.maxPages - wish.minPages;
  const maxima: number[] = wishes.map(({ minPages }) => minPages);
  let leftPages = budgetPages - wishes.reduce((sum, { minPages, copies }) => sum + minPages * copies, 0);
  let leftCopies = wishes.reduce((sum, { copies }) => sum + copies, 0);
  // The most modest first: what they leave is there to be divided among the rest.
  for (const [index, wish] of [...wishes.entries()].sort(([, a], [, b]) => growth(a) - growth(b))) {
    const granted = Math.max(0, Math.min(growth(wish), Math.floor(leftPages / leftCopies)));
    maxima[index]! += granted;
    leftPages -= granted * wish.copies;
    leftCopies -= wish.copies;
  }
  return maxima;
}
