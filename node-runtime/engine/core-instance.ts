import type { Rewriting } from "../artifacts/prepared-artifact.ts";
import type { CoreModule } from "./core-modules.ts";
import { EPOCH_MEMORY } from "./epoch.ts";
import { CHECK } from "./pause.ts";
import { InstanceState, type MemoryImage } from "./instance-state.ts";
import { WRITES_MEMORY, type WrittenPages } from "./write-marks.ts";

/** The name under which rewritten modules import of their engine (prepare/rewrite). */
const HOST_MODULE = "wasmlet";

/** What a core instance imports, by module and name. */
export type CoreImports = Record<string, WebAssembly.ModuleImports>;

/** What a core instance may be told of its surroundings. */
export interface CoreOptions {
  /** The epoch word that it checks once it is started, if its rewriting lets it choose; else the first one. */
  epochWord?: number;
  /** Where what it writes is noted, if its module marks it. */
  written?: WrittenPages | undefined;
}

/** A core instance; one of a rewritten module can be brought back to what it was when it was pristine. */
export class CoreInstance {
  readonly exports: WebAssembly.Instance["exports"];
  /** The memory that it got of its engine, where its module was rewritten to import it. */
  readonly memory: WebAssembly.Memory | undefined;
  readonly #rewriting: Rewriting | undefined;
  readonly #written: WrittenPages | undefined;
  #state: InstanceState | undefined;

  /** Runs its start function, which checks the first epoch word in any case. */
  constructor(
    { module, rewriting, hostMemoryPages }: CoreModule,
    imports: CoreImports = {},
    { epochWord = 0, written }: CoreOptions = {},
  ) {
    this.#rewriting = rewriting;
    this.#written = written;
    if (rewriting?.memory !== undefined) {
      this.memory = new WebAssembly.Memory({ initial: rewriting.memory.minPages, maximum: hostMemoryPages! });
      written?.watch(this.memory);
    }
    if (this.memory !== undefined || rewriting?.epoch === true) {
      imports[HOST_MODULE] = {
        ...(this.memory && { memory: this.memory }),
        epoch: EPOCH_MEMORY,
        writes: WRITES_MEMORY,
      };
    }
    this.exports = new WebAssembly.Instance(module, imports).exports;
    if (rewriting?.epochAddress !== undefined) {
      (this.exports[rewriting.epochAddress] as WebAssembly.Global).value = epochWord;
    }
    if (rewriting?.pause !== undefined) (this.exports[rewriting.pause] as WebAssembly.Global).value = CHECK;
  }

  /** Captures its state as pristine, with the image that another instance of the module has; false when it cannot be. */
  capture(image: MemoryImage | undefined): boolean {
    if (this.#rewriting?.resettable !== true) return false;
    const { sizeIsLogical } = this.#rewriting;
    this.#state = InstanceState.capture(this.exports, this.memory, this.#rewriting, { sizeIsLogical, image });
    return this.#state !== undefined;
  }

  /** What its memory holds when it is pristine, once its state is captured. */
  get image(): MemoryImage | undefined {
    return this.#state?.image;
  }

  /**
   * Brings everything back to what it was when it was captured; false when it cannot be. What was written is still noted
   * then: other core instances may share the note.
   */
  restore(): boolean {
    return this.#state?.restore(this.#written) ?? false;
  }
}
