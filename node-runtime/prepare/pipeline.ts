import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WasmletError } from "../../common/errors.ts";
import {
  checkDescribable,
  hashFiles,
  PIPELINE_VERSION,
  PREPARED_MANIFEST_FILE,
  type PreparedArtifact,
} from "../artifacts/prepared-artifact.ts";
import { planBinding, type Planned } from "./component/binding-planner.ts";
import { NotLean } from "./component/not-lean.ts";
import { checkSignatures } from "./component/signatures.ts";
import { firstLine } from "./first-line.ts";
import { transpile } from "./glue.ts";
import { compileModule, writeResettable, writeStoppable, writeTracked, type ModuleSource } from "./module-files.ts";
import { SPIN_INTERFACES } from "../wasi/offered.ts";
import { checkOffered, p3VersionsOf, readWorld, triggersOf, wasiOf } from "./interfaces.ts";

/** The kind stands in bytes 4 to 7: https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md */
const MAGIC = "0061736d";
const CORE_MODULE_VERSION = "01000000";
const COMPONENT_LAYER = "0d000100";
const PREVIEW1 = "wasi_snapshot_preview1";

export interface PrepareOptions {
  /** Binds components by this engine alone; unset, by the lean one when it can and by jco otherwise. */
  componentEngine?: "lean" | "jco";
}

/**
 * Validates the artifact in `file`, compiles it and leaves its files in `directory`, the description last.
 * Throws an ARTIFACT_* error that says what is wrong with it.
 */
export async function prepareArtifact(
  file: string,
  directory: string,
  { componentEngine }: PrepareOptions = {},
): Promise<PreparedArtifact> {
  const bytes = readFileSync(file);
  const kind = readKind(bytes);
  const prepared =
    kind === "component" ? await prepareComponent(bytes, directory, componentEngine) : prepareModule(bytes, directory);
  const artifact: PreparedArtifact = {
    pipeline: PIPELINE_VERSION,
    digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    bytes: bytes.length,
    kind,
    ...prepared,
    files: hashFiles(directory),
  };
  checkDescribable(artifact);
  writeFileSync(join(directory, PREPARED_MANIFEST_FILE), JSON.stringify(artifact, null, 2));
  return artifact;
}

/** Returns what the bytes claim to be; throws ARTIFACT_NOT_WASM or ARTIFACT_INVALID. */
function readKind(bytes: Uint8Array): PreparedArtifact["kind"] {
  const hex = Buffer.from(bytes.subarray(0, 8)).toString("hex");
  if (!hex.startsWith(MAGIC)) {
    throw new WasmletError("ARTIFACT_NOT_WASM", "the artifact is not WebAssembly", {
      expected: "the bytes 00 61 73 6d at the start",
      actual: bytes.length === 0 ? "an empty file" : (hex.slice(0, 8).match(/../g)?.join(" ") ?? ""),
    });
  }
  const version = hex.slice(8);
  if (version === COMPONENT_LAYER) return "component";
  if (version === CORE_MODULE_VERSION) return "core-module";
  throw new WasmletError("ARTIFACT_INVALID", "the artifact is neither a core module nor a component", {
    expected: `version bytes ${CORE_MODULE_VERSION} or ${COMPONENT_LAYER}`,
    actual: version || "the end of the file",
  });
}

type Prepared = Omit<PreparedArtifact, "pipeline" | "digest" | "bytes" | "kind" | "files">;

type Bound = Pick<Prepared, "engine" | "engineReason" | "modules" | "binding" | "glue">;

async function prepareComponent(
  bytes: Uint8Array,
  directory: string,
  engine: PrepareOptions["componentEngine"],
): Promise<Prepared> {
  const wit = await readWit(bytes);
  const world = readWorld(wit);
  checkOffered(world.imports);
  const spinImports = world.imports.filter((name) => SPIN_INTERFACES.includes(name));
  return {
    wasi: wasiOf(world),
    ...world,
    ...(spinImports.length > 0 && { spinImports }),
    triggers: triggersOf(world.exports),
    wit: wit.slice(0, 1_000_000),
    ...(await bindComponent(bytes, directory, engine, p3VersionsOf(world.imports))),
  };
}

/** Leaves what an engine needs to run the component: the lean one's plan, or jco's code when there is no plan. */
async function bindComponent(
  bytes: Uint8Array,
  directory: string,
  engine: PrepareOptions["componentEngine"],
  p3Versions: readonly string[],
): Promise<Bound> {
  const planned = engine === "jco" ? { reason: "jco was asked for" } : planOrReason(bytes);
  if ("plan" in planned) {
    writeFileSync(join(directory, "binding.json"), JSON.stringify(planned.plan));
    return {
      engine: "lean",
      modules: writeTracked(directory, leanModules(planned)),
      binding: { file: "binding.json" },
    };
  }
  if (engine === "lean") throw new WasmletError("ARTIFACT_NOT_OFFERED", `no lean binding: ${planned.reason}`);
  const transpiled = await transpile(bytes, p3Versions);
  writeFileSync(join(directory, "glue.js"), transpiled.glue.source);
  writeFileSync(join(directory, "glue.cache"), transpiled.glue.codeCache);
  return {
    engine: "jco",
    engineReason: planned.reason,
    modules: writeStoppable(directory, transpiled.modules),
    glue: { file: "glue.js", codeCache: "glue.cache" },
  };
}

/**
 * Returns the lean binding's plan, or why there is none. Throws ARTIFACT_IMPORT_NOT_OFFERED when a function is imported
 * with another type than WASI's.
 */
function planOrReason(bytes: Uint8Array): Planned {
  const planned = planBinding(bytes);
  try {
    if ("plan" in planned) checkSignatures(planned.plan);
    return planned;
  } catch (thrown) {
    if (thrown instanceof NotLean) return { reason: thrown.message };
    throw thrown;
  }
}

/** The modules of a lean binding, and how many instances its plan makes of each. */
function leanModules({ plan, modules }: Extract<Planned, { plan: unknown }>): ModuleSource[] {
  return modules.map((bytes, index) => ({
    name: `core-${index}`,
    bytes,
    instances: plan.steps.filter((step) => step.kind === "instantiate" && step.module === index).length,
  }));
}

async function readWit(bytes: Uint8Array): Promise<string> {
  try {
    return await componentWit(bytes);
  } catch (cause) {
    throw new WasmletError("ARTIFACT_INVALID", `the component is not valid: ${firstLine(cause)}`, { cause });
  }
}

function prepareModule(bytes: Uint8Array, directory: string): Prepared {
  const module = compileModule(bytes);
  const imports = WebAssembly.Module.imports(module);
  const foreign = imports.filter(({ module: from }) => from !== PREVIEW1);
  if (foreign.length > 0) {
    const names = foreign.map(({ module: from, name }) => `${from}.${name}`).slice(0, 20);
    throw new WasmletError(
      "ARTIFACT_IMPORT_NOT_OFFERED",
      `imports ${names.join(", ")}, which is not offered; offered is ${PREVIEW1}`,
      {
        expected: PREVIEW1,
        actual: names.join(", "),
      },
    );
  }
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  return {
    wasi: imports.length > 0 ? "preview1" : "none",
    engine: "core-module",
    imports: imports.map(({ module: from, name }) => `${from}.${name}`),
    exports: exports.slice(0, 4096),
    triggers: exports.includes("_start") ? ["command"] : [],
    modules: writeResettable(directory, [{ name: "module", bytes }]),
  };
}
