import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import { WasmletError, messageOf } from "../../../common/errors.ts";
import type { PreparedArtifact } from "../../artifacts/prepared-artifact.ts";
import type { HostImports, WasiHost } from "../../wasi/host.ts";
import type { IncomingRequest } from "../../wasi/http/incoming.ts";
import type { ResponseOutparam } from "../../wasi/http/response.ts";
import { serveRequest, type ServeHandler } from "../../wasi/p3/http/imports.ts";
import { createP3Imports } from "../../wasi/p3/imports.ts";
import { CoreInstance, type CoreImports } from "../core-instance.ts";
import { loadCoreModules, type CoreModule } from "../core-modules.ts";
import type { Engine, Instance, LoadOptions, Program } from "../engine.ts";
import { exitCodeOf } from "../exit-code.ts";
import { MemoryCensus } from "../memories.ts";
import { startTrapped } from "../trap.ts";
import { createGlueHost, type GlueHost } from "./glue-host.ts";
import { GuestCalls } from "./guest-calls.ts";

/**
 * How many requests an instance of an asynchronous component serves: each leaves some 100 KB of tasks and table entries
 * behind in jco 1.35's glue.
 */
const MAX_ASYNC_CALLS = 64;

/** What jco's generated code exports: `instantiate`, here without its module wrapping (see prepare/glue.ts). */
type Instantiate = (
  getCoreModule: (name: string) => CoreModule,
  imports: HostImports,
  instantiateCore: (module: CoreModule, imports?: CoreImports) => Pick<CoreInstance, "exports">,
  glueHost: GlueHost,
) => ComponentExports | Promise<ComponentExports>;

type ComponentExports = Record<string, Record<string, (...args: unknown[]) => unknown> | undefined>;

/** The general engine: any component, through the code that jco generated for it at prepare time. */
export const JCO_ENGINE: Engine = {
  name: "jco",
  load: (artifact, directory, options) => new JcoProgram(artifact, directory, options),
};

class JcoProgram implements Program {
  readonly #instantiate: Instantiate;
  readonly #maxMemoryBytes: number;
  readonly #modules = new Map<string, CoreModule>();
  readonly #isP3: boolean;

  constructor(artifact: PreparedArtifact, directory: string, { maxMemoryBytes }: LoadOptions) {
    for (const [index, module] of loadCoreModules(artifact, directory, { maxMemoryBytes }).entries()) {
      this.#modules.set(artifact.modules[index]!.name, module);
    }
    this.#isP3 = artifact.wasi === "0.3";
    this.#maxMemoryBytes = maxMemoryBytes;
    if (artifact.glue === undefined) throw new WasmletError("ARTIFACT_CACHE_CORRUPT", "a component has no glue code");
    this.#instantiate = compileGlue(
      readFileSync(join(directory, artifact.glue.file), "utf8"),
      readFileSync(join(directory, artifact.glue.codeCache)),
    );
  }

  async instantiate(host: WasiHost): Promise<Instance> {
    const census = new MemoryCensus(this.#maxMemoryBytes);
    const calls = new GuestCalls(host);
    let exports: ComponentExports;
    try {
      exports = await calls.start(() =>
        this.#instantiate(
          (name) => this.#modules.get(name)!,
          this.#isP3 ? createP3Imports(host) : host.imports,
          (module, imports) => {
            const instance = new CoreInstance(module, imports, { epochWord: calls.epochWord });
            census.note(instance);
            return instance;
          },
          createGlueHost({ scope: host.scope, activity: calls }, (reason) => calls.trapped(reason)),
        ),
      );
    } catch (thrown) {
      throw startTrapped(thrown);
    }
    return bindExports(exports, census, calls, host);
  }
}

function bindExports(
  exports: ComponentExports,
  census: MemoryCensus,
  calls: GuestCalls,
  { scope }: WasiHost,
): Instance {
  const handler = findExport(exports, "wasi:http/incoming-handler");
  const asyncHandler = findExport(exports, "wasi:http/handler");
  const command = findExport(exports, "wasi:cli/run");
  return {
    memoryBytes: () => census.bytes(),
    ...(handler && {
      async handle(request: IncomingRequest, outparam: ResponseOutparam): Promise<void> {
        await calls.call(async () => handler["handle"]!(request, outparam));
      },
    }),
    ...(asyncHandler && {
      maxCalls: MAX_ASYNC_CALLS,
      handle: (request: IncomingRequest, outparam: ResponseOutparam) =>
        calls.call(() => serveRequest(scope, request, outparam, asyncHandler["handle"] as ServeHandler)),
    }),
    ...(command && { run: () => exitCodeOf(() => calls.call(() => runCommand(command["run"]!))) }),
  };
}

/** `run: func() -> result`: jco throws the (empty) error value, so nothing but undefined means "failed". */
async function runCommand(run: () => unknown): Promise<number> {
  try {
    await run();
    return 0;
  } catch (thrown) {
    if (thrown === undefined) return 1;
    throw thrown;
  }
}

function findExport(exports: ComponentExports, name: string): ComponentExports[string] {
  const key = Object.keys(exports).find((candidate) => candidate === name || candidate.startsWith(`${name}@`));
  return key === undefined ? undefined : exports[key];
}

/** Evaluates glue code prepared as a script; V8 takes the code cache when it is its own and ignores it otherwise. */
function compileGlue(source: string, cachedData?: Buffer): Instantiate {
  try {
    const script = new Script(source, { filename: "component.js", ...(cachedData && { cachedData }) });
    return script.runInThisContext() as Instantiate;
  } catch (cause) {
    throw new WasmletError("ARTIFACT_CACHE_CORRUPT", `glue code does not evaluate: ${messageOf(cause)}`, { cause });
  }
}
