import { join } from "node:path";
import { WasmletError } from "../../../common/errors.ts";
import { readBindingPlan } from "../../artifacts/binding-plan.ts";
import type { PreparedArtifact } from "../../artifacts/prepared-artifact.ts";
import { isTrackable, loadCoreModules, type CoreModule } from "../core-modules.ts";
import type { Engine, LoadOptions } from "../engine.ts";
import { BoundComponent } from "./bound-component.ts";
import { LeanProgram } from "./lean-program.ts";

/** The fast engine of components: binds their core modules straight to the host, as the preparer's plan says. */
export const LEAN_ENGINE: Engine = { name: "lean", load: loadProgram };

/** What apps share that run the same artifact within the same limit; what none uses any more may be collected. */
const shared = new Map<string, WeakRef<BoundComponent>>();

function loadProgram(artifact: PreparedArtifact, directory: string, options: LoadOptions): LeanProgram {
  const tracksWrites = isTrackable(artifact) && resets(options);
  const key = JSON.stringify([directory, artifact.digest, options.maxMemoryBytes]);
  let component = shared.get(key)?.deref();
  if (component === undefined) {
    component = bindComponent(artifact, directory, options.maxMemoryBytes, tracksWrites);
    for (const [other, reference] of shared) if (reference.deref() === undefined) shared.delete(other);
    shared.set(key, new WeakRef(component));
  }
  return new LeanProgram(component, tracksWrites);
}

function bindComponent(
  artifact: PreparedArtifact,
  directory: string,
  maxMemoryBytes: number,
  tracksWrites: boolean,
): BoundComponent {
  if (artifact.binding === undefined) throw corrupt("a component has no binding plan");
  const plan = readBindingPlan(join(directory, artifact.binding.file));
  for (const step of plan.steps) {
    if (step.kind === "instantiate" && step.module >= artifact.modules.length) {
      throw corrupt("a plan needs a module more");
    }
  }
  const load = (tracksWrites: boolean): readonly CoreModule[] =>
    loadCoreModules(artifact, directory, { maxMemoryBytes, tracksWrites });
  return new BoundComponent(plan, load, tracksWrites);
}

/** Whether instances are made pristine again: those of commands and of apps that keep their state never are. */
function resets({ reuse = "Request", trigger = "http" }: LoadOptions): boolean {
  return reuse === "Request" && trigger === "http";
}

function corrupt(message: string): WasmletError {
  return new WasmletError("ARTIFACT_CACHE_CORRUPT", message);
}
