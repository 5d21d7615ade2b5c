import { join } from "node:path";
import { WasmletError } from "../../../common/errors.ts";
import { readBindingPlan } from "../../artifacts/binding-plan.ts";
import type { PreparedArtifact } from "../../artifacts/prepared-artifact.ts";
import { isTrackable, loadCoreModules } from "../core-modules.ts";
import type { Engine, LoadOptions } from "../engine.ts";
import type { Code } from "./code-choice.ts";
import { LeanProgram } from "./lean-program.ts";

/** The fast engine of components: binds their core modules straight to the host, as the preparer's plan says. */
export const LEAN_ENGINE: Engine = { name: "lean", load: loadProgram };

function loadProgram(artifact: PreparedArtifact, directory: string, options: LoadOptions): LeanProgram {
  if (artifact.binding === undefined) throw corrupt("a component has no binding plan");
  const plan = readBindingPlan(join(directory, artifact.binding.file));
  const load = (tracksWrites: boolean): Code => {
    const { maxMemoryBytes } = options;
    return { tracksWrites, modules: loadCoreModules(artifact, directory, { maxMemoryBytes, tracksWrites }) };
  };
  const tracksWrites = isTrackable(artifact) && resets(options);
  const code = load(tracksWrites);
  for (const step of plan.steps) {
    if (step.kind === "instantiate" && step.module >= code.modules.length) throw corrupt("a plan needs a module more");
  }
  return new LeanProgram(plan, code, tracksWrites ? () => load(false) : undefined);
}

/** Whether instances are made pristine again: those of commands and of apps that keep their state never are. */
function resets({ reuse = "Request", trigger = "http" }: LoadOptions): boolean {
  return reuse === "Request" && trigger === "http";
}

function corrupt(message: string): WasmletError {
  return new WasmletError("ARTIFACT_CACHE_CORRUPT", message);
}
