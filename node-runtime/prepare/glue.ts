import { $init, generate } from "@bytecodealliance/jco-transpile/component";
import { Script } from "node:vm";
import { WasmletError } from "../../common/errors.ts";
import { firstLine } from "./first-line.ts";
import { P3_SUFFIX, WAITING_EXPORTS, WAITING_FUNCTIONS } from "../wasi/offered.ts";

/** What jco made of a component: its core modules by the name that the glue asks for, and the glue as a script. */
export interface Transpiled {
  modules: ReadonlyArray<{ name: string; bytes: Uint8Array; instances: number }>;
  glue: { source: string; codeCache: Uint8Array };
  /** Instances that the component exports, by versioned name. */
  exports: readonly string[];
}

/** The most glue that is kept: a hostile component of a few hundred bytes can ask for megabytes of code. */
const MAX_GLUE_BYTES = 64 * 1024 * 1024;

const EXPORT_INSTANTIATE = "export function instantiate(";
/** A task that traps after its export returned has nobody to tell: the engine is told. */
const TASK_FAILED = "const handleError = (err) => {";
/** Looks, while nothing goes on, whether ever anything will: at no delay, like what does go on. */
const IDLE_CHECK = "STORE_ASYNC_STATE.deadlockCheck = setTimeout(";
/** Makes a table of handles longer, which has two numbers for each. */
const NEW_HANDLE = /if \(free === 0\) \{\s*table\.push\(0\);/;
/** Handles of one type that an instance may have at once: as many as the lean engine gives it of all types. */
const MAX_HANDLES = 65_536;
const REFUSE_HANDLE = `if (table.length > ${2 * MAX_HANDLES}) throw new WebAssembly.RuntimeError('the guest has more than ${MAX_HANDLES} handles');`;
const EXPORT_UTIL = /\nexport const _util = \{[\s\S]*?\n\}\s*$/;

/**
 * Splits a component into core modules and generated glue; throws ARTIFACT_INVALID when jco refuses it. Its imports of
 * `p3Versions` are named `wasi:…@0.3`: jco drops versions, and an interface of WASI 0.3 is not the 0.2 one of its name.
 */
export async function transpile(component: Uint8Array, p3Versions: readonly string[] = []): Promise<Transpiled> {
  await $init;
  let generated: ReturnType<typeof generate>;
  try {
    generated = generate(component, {
      name: "component",
      map: p3Versions.map((version) => [`wasi:*@${version}`, `wasi:*${P3_SUFFIX}`]),
      instantiation: { tag: "sync" },
      asyncMode: { tag: "jspi", val: { imports: [...WAITING_FUNCTIONS], exports: [...WAITING_EXPORTS] } },
      noTypescript: true,
      noNodejsCompat: true,
      noComponentErrorWrapping: true,
      multiMemory: true,
    });
  } catch (cause) {
    throw new WasmletError("ARTIFACT_INVALID", `the component cannot be bound: ${firstLine(cause)}`, { cause });
  }
  const glueFile = generated.files.find(([name]) => name.endsWith(".js"));
  if (glueFile === undefined) throw new WasmletError("ARTIFACT_INVALID", "the component yields no code");
  if (glueFile[1].length > MAX_GLUE_BYTES) {
    throw new WasmletError("ARTIFACT_TOO_LARGE", `the component's bindings are larger than ${MAX_GLUE_BYTES} bytes`, {
      actual: `${glueFile[1].length} bytes of generated code`,
    });
  }
  const source = Buffer.from(glueFile[1]).toString("utf8");
  const instances = countInstances(source);
  return {
    modules: generated.files
      .filter(([name]) => name.endsWith(".wasm"))
      .map(([name, bytes]) => ({ name, bytes, instances: instances.get(name) ?? 1 })),
    glue: compileScript(wrapAsScript(source)),
    exports: generated.exports.filter(([, type]) => type === "instance").map(([name]) => name),
  };
}

/**
 * Returns how many instances the glue makes of each core module: each has memories of its own. What a guest's names may
 * add to the count only lowers its share.
 */
function countInstances(source: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, index] of source.matchAll(/\binstantiateCore\(module(\d+)\b/g)) {
    counts.set(index!, (counts.get(index!) ?? 0) + 1);
  }
  const names = source.matchAll(/\bconst module(\d+) = getCoreModule\('([^']+)'\)/g);
  return new Map([...names].map(([, index, name]) => [name!, counts.get(index!) ?? 1]));
}

/**
 * Turns jco's module into a script whose value is `instantiate` with one parameter more, what it has of its engine
 * (engine/jco/glue-host.ts): a script takes V8's code cache and, unlike a module, is garbage once its app is gone.
 */
function wrapAsScript(module: string): string {
  if (!module.includes(EXPORT_INSTANTIATE)) {
    throw new WasmletError("ARTIFACT_INVALID", "the generated code has no instantiate function");
  }
  const body = module
    .replace(EXPORT_INSTANTIATE, "function instantiate(")
    .replace(EXPORT_UTIL, "\n")
    .replace(NEW_HANDLE, (grow) => grow.replace("{", `{ ${REFUSE_HANDLE}`))
    .replace(TASK_FAILED, `${TASK_FAILED} trapped(err);`)
    .replace(IDLE_CHECK, IDLE_CHECK.replace("setTimeout", "setIdleTimeout"));
  return `(function (getCoreModule, imports, instantiateCore, glueHost) {
const { setTimeout, clearTimeout, setInterval, clearInterval, setIdleTimeout, trapped } = glueHost;
${body}
return instantiate(getCoreModule, imports, instantiateCore);
})`;
}

/**
 * Compiles the script once, here, so that no cell has to parse it. V8 caches only functions that were called: so
 * `instantiate` is, without imports, which fails at its first line after all of it was compiled.
 */
function compileScript(source: string): Transpiled["glue"] {
  const script = scriptOf(source);
  const instantiate = script.runInThisContext() as (...args: unknown[]) => unknown;
  try {
    instantiate(undefined, {}, undefined, {});
  } catch {
    // as meant
  }
  return { source, codeCache: script.createCachedData() };
}

/** Odd components have jco name two things alike, which is no JavaScript. */
function scriptOf(source: string): Script {
  try {
    return new Script(source, { filename: "component.js" });
  } catch (cause) {
    throw new WasmletError("ARTIFACT_INVALID", `the component's bindings are not valid: ${firstLine(cause)}`, {
      cause,
    });
  }
}
