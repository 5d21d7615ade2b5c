import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PreparedArtifact, Rewriting } from "../artifacts/prepared-artifact.ts";
import { compileModules, type CompiledModule } from "./memory-budget.ts";

/** A compiled core module and what its rewriting asks of the engine. */
export interface CoreModule extends CompiledModule {
  /** Undefined for a module that runs as its compiler wrote it. */
  rewriting: Rewriting | undefined;
}

/** Returns the modules of an artifact in their order, all their memories together bounded to `maxMemoryBytes`. */
export function loadCoreModules(
  { modules }: PreparedArtifact,
  directory: string,
  maxMemoryBytes: number,
): CoreModule[] {
  const compiled = compileModules(
    modules.map(({ file, instances = 1, rewriting }) => ({
      bytes: readFileSync(join(directory, file)),
      instances,
      hostMemory: rewriting?.memory,
    })),
    maxMemoryBytes,
  );
  return compiled.map(({ module, hostMemoryPages }, index) => {
    return { module, hostMemoryPages, rewriting: modules[index]!.rewriting };
  });
}
