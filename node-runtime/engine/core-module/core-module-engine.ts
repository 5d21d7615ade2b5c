import type { PreparedArtifact } from "../../artifacts/prepared-artifact.ts";
import type { Activity, WasiHost } from "../../wasi/host.ts";
import { createPreview1Imports } from "../../wasi/preview1/imports.ts";
import { CoreInstance } from "../core-instance.ts";
import { loadCoreModules, type CoreModule } from "../core-modules.ts";
import type { Engine, Instance, LoadOptions, Program } from "../engine.ts";
import { exitCodeOf } from "../exit-code.ts";
import { MemoryCensus } from "../memories.ts";
import { suspendDuring } from "../suspension.ts";
import { startTrapped } from "../trap.ts";

/** The engine of core modules: WASI preview 1 bound straight to the host, without an adapter component. */
export const CORE_MODULE_ENGINE: Engine = {
  name: "core-module",
  load: (artifact, directory, options) => new CoreModuleProgram(artifact, directory, options),
};

class CoreModuleProgram implements Program {
  readonly #module: CoreModule;
  readonly #maxMemoryBytes: number;

  constructor(artifact: PreparedArtifact, directory: string, { maxMemoryBytes }: LoadOptions) {
    this.#maxMemoryBytes = maxMemoryBytes;
    this.#module = loadCoreModules(artifact, directory, { maxMemoryBytes })[0]!;
  }

  async instantiate(host: WasiHost): Promise<Instance> {
    const census = new MemoryCensus(this.#maxMemoryBytes);
    let instance: CoreInstance | undefined;
    const preview1 = createPreview1Imports(host, () => instance!.exports["memory"] as WebAssembly.Memory);
    try {
      instance = new CoreInstance(this.#module, {
        wasi_snapshot_preview1: suspendWhereWaiting(preview1.imports, preview1.waiting, host.activity),
      });
      census.note(instance);
    } catch (thrown) {
      throw startTrapped(thrown);
    }
    const start = instance.exports["_start"];
    return {
      memoryBytes: () => census.bytes(),
      ...(typeof start === "function" && { run: () => exitCodeOf(() => runStart(start)) }),
    };
  }
}

async function runStart(start: WebAssembly.ExportValue): Promise<number> {
  await WebAssembly.promising(start)();
  return 0;
}

function suspendWhereWaiting(
  functions: ReturnType<typeof createPreview1Imports>["imports"],
  waiting: readonly string[],
  activity: Activity,
): WebAssembly.ModuleImports {
  return Object.fromEntries(
    Object.entries(functions).map(([name, implementation]) => [
      name,
      waiting.includes(name) ? suspending(implementation, activity) : implementation,
    ]),
  ) as WebAssembly.ModuleImports;
}

function suspending(implementation: (...args: never[]) => unknown, activity: Activity): WebAssembly.Suspending {
  return new WebAssembly.Suspending((...args: never[]) => {
    const result = implementation(...args);
    return result instanceof Promise ? suspendDuring(activity, result) : result;
  });
}
