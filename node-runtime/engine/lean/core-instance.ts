import type { Rewriting } from "../../artifacts/prepared-artifact.ts";
import { EPOCH_MEMORY } from "../epoch.ts";
import { InstanceState, type MemoryImage } from "../instance-state.ts";
import type { CompiledModule } from "../memory-budget.ts";

/** The name under which rewritten modules import of their engine (prepare/rewrite). */
const HOST_MODULE = "wasmlet";

/** A compiled core module and what its rewriting asks of the engine. */
export interface LeanModule extends CompiledModule {
  rewriting: Rewriting | undefined;
}

/** A core instance; one of a rewritten module can be brought back to what it was when it was pristine. */
export class CoreInstance {
  readonly exports: WebAssembly.Instance["exports"];
  readonly #rewriting: Rewriting | undefined;
  readonly #memory: WebAssembly.Memory | undefined;
  #state: InstanceState | undefined;

  constructor({ module, rewriting, hostMemoryPages }: LeanModule, imports: Record<string, WebAssembly.ModuleImports>) {
    this.#rewriting = rewriting;
    if (rewriting?.memory !== undefined) {
      this.#memory = new WebAssembly.Memory({ initial: rewriting.memory.minPages, maximum: hostMemoryPages! });
    }
    if (this.#memory !== undefined || rewriting?.epoch === true) {
      imports[HOST_MODULE] = { ...(this.#memory && { memory: this.#memory }), epoch: EPOCH_MEMORY };
    }
    this.exports = new WebAssembly.Instance(module, imports).exports;
  }

  /** Captures its state as pristine, with the image that another instance of the module has; false when it cannot be. */
  capture(image: MemoryImage | undefined): boolean {
    if (this.#rewriting?.resettable !== true) return false;
    const { sizeIsLogical } = this.#rewriting;
    this.#state = InstanceState.capture(this.exports, this.#memory, this.#rewriting, { sizeIsLogical, image });
    return this.#state !== undefined;
  }

  /** What its memory holds when it is pristine, once its state is captured. */
  get image(): MemoryImage | undefined {
    return this.#state?.image;
  }

  /** Brings everything back to what it was when it was captured; false when it cannot be. */
  restore(): boolean {
    return this.#state?.restore() ?? false;
  }
}
