import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PreparedArtifact, Rewriting } from "../artifacts/prepared-artifact.ts";
import { compileModules, type CompiledModule } from "./memory-budget.ts";

/** A compiled core module and what its rewriting asks of the engine. */
export interface CoreModule extends CompiledModule {
  /** Undefined for a module that runs as its compiler wrote it. */
  rewriting: Rewriting | undefined;
}

/** How the code of an artifact is loaded. */
export interface CodeOptions {
  /** All memories together are bounded to this. */
  maxMemoryBytes: number;
  /** Whether to take the modules that mark what they write, which must all be there: see `isTrackable`. */
  tracksWrites?: boolean;
}

/** Returns whether each module is there as one that marks what it writes. */
export function isTrackable({ modules }: PreparedArtifact): boolean {
  return modules.every(({ tracked }) => tracked !== undefined);
}

/** Returns the modules of an artifact in their order. */
export function loadCoreModules(
  artifact: PreparedArtifact,
  directory: string,
  { maxMemoryBytes, tracksWrites = false }: CodeOptions,
): CoreModule[] {
  const modules = artifact.modules.map(({ tracked, ...module }) => ({ ...module, ...(tracksWrites && tracked) }));
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
