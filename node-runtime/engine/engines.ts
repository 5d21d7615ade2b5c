import type { PreparedArtifact } from "../artifacts/prepared-artifact.ts";
import { CORE_MODULE_ENGINE } from "./core-module/core-module-engine.ts";
import type { Engine } from "./engine.ts";
import { JCO_ENGINE } from "./jco/jco-engine.ts";
import { LEAN_ENGINE } from "./lean/lean-engine.ts";

/** Every engine there is, by the name that a prepared artifact carries. */
export const ENGINES: Readonly<Record<PreparedArtifact["engine"], Engine>> = {
  lean: LEAN_ENGINE,
  jco: JCO_ENGINE,
  "core-module": CORE_MODULE_ENGINE,
};
