import type { Rewriting } from "../../artifacts/prepared-artifact.ts";
import { EPOCH_MEMORY } from "../epoch.ts";
import type { CompiledModule } from "../memory-budget.ts";
import { MemoryImage } from "./memory-image.ts";

/** The name under which rewritten modules import of their engine, and export to it. */
const HOST_MODULE = "wasmlet";

/** A compiled core module and what its rewriting asks of the engine. */
export interface LeanModule extends CompiledModule {
  rewriting: Rewriting | undefined;
}

/** A core instance of a rewritten module: its own state can be brought back to what it was when it was pristine. */
export class CoreInstance {
  readonly exports: WebAssembly.Instance["exports"];
  readonly memory: WebAssembly.Memory | undefined;
  readonly #globals: readonly WebAssembly.Global[];
  readonly #tables: readonly WebAssembly.Table[];
  #globalValues: unknown[] = [];
  #tableValues: unknown[][] = [];

  constructor({ module, rewriting, hostMemoryPages }: LeanModule, imports: Record<string, WebAssembly.ModuleImports>) {
    if (rewriting?.memory !== undefined) {
      this.memory = new WebAssembly.Memory({ initial: rewriting.memory.minPages, maximum: hostMemoryPages ?? 0 });
    }
    if (rewriting?.memory !== undefined || rewriting?.epoch === true) {
      imports[HOST_MODULE] = { ...(this.memory && { memory: this.memory }), epoch: EPOCH_MEMORY };
    }
    this.exports = new WebAssembly.Instance(module, imports).exports;
    this.#globals = (rewriting?.globals ?? []).map((name) => this.exports[name] as WebAssembly.Global);
    this.#tables = (rewriting?.tables ?? []).map((name) => this.exports[name] as WebAssembly.Table);
  }

  /** Remembers globals and tables as they are: pristine. */
  remember(): void {
    this.#globalValues = this.#globals.map(({ value }) => value as unknown);
    this.#tableValues = this.#tables.map(contentsOf);
  }

  /** Returns what its memory holds now. */
  takeImage(): MemoryImage | undefined {
    return this.memory && MemoryImage.of(this.memory);
  }

  /** Brings everything back to what it was when it was remembered. False when a table has grown, which it cannot undo. */
  restore(image: MemoryImage | undefined): boolean {
    for (const [index, table] of this.#tables.entries()) {
      const values = this.#tableValues[index]!;
      if (table.length !== values.length) return false;
      for (const [slot, value] of values.entries()) if (table.get(slot) !== value) table.set(slot, value);
    }
    for (const [index, global] of this.#globals.entries()) global.value = this.#globalValues[index];
    if (this.memory !== undefined) image?.restore(this.memory);
    return true;
  }
}

function contentsOf(table: WebAssembly.Table): unknown[] {
  return Array.from({ length: table.length }, (_, slot) => table.get(slot) as unknown);
}
