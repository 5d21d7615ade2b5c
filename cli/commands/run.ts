import type { Command } from "commander";
import { inheritedVariable } from "../../config/config.ts";
import type { RunOptions } from "../../node-runtime/runtime-api.ts";
import type { CommandContext } from "../command-context.ts";
import { cacheOption, collect, memoryOption, readPreopen, readVariable } from "../options.ts";
import { addArtifactOptions, isReference, registriesOf, type RegistryFlags } from "../registry-options.ts";
import { printable, writeErr } from "../output.ts";
import { exitCodeOfSignal, listenForStop } from "../signals.ts";

interface RunCommandOptions extends RegistryFlags {
  env?: [string, string][];
  dir?: RunOptions["preopens"];
  allowHost?: string[];
  memory: number;
  cacheDir: string;
}

/** `wasmlet run FILE|REF`: one program with the caller's streams; the exit code is the program's. */
export function defineRun(command: Command, context: CommandContext): void {
  addArtifactOptions(command)
    .usage("[options] FILE|REF [--] [args...]")
    .argument("<file>", "a WASI command, component or core module: a .wasm file, or an artifact in a registry")
    .argument("[args...]", "arguments of the program; its name comes before them")
    .passThroughOptions()
    .option("--env <NAME[=VALUE]>", "set a variable, or pass on your own; may be repeated", collect(readEnv))
    .option("--dir <HOST[::GUEST]>", "let it read and write a folder; may be repeated", collect(readPreopen))
    .option("--allow-host <host>", "let it connect to [scheme://]host[:port]; may be repeated", collect(String))
    .addOption(memoryOption())
    .addOption(cacheOption(context.config))
    .addHelpText("after", HELP)
    .action(async (file: string, args: string[], options: RunCommandOptions) => run(file, args, options, context));
}

const HELP = `
The program sees no variable, folder or host that is not named. Its exit code is the command's.

Examples:
  wasmlet run tour.wasm -- --exit 3
  wasmlet run --dir .::/data --env LANG --env GREETING=hi tour.wasm
  wasmlet run --allow-host https://example.com fetch.wasm
  wasmlet run ghcr.io/example/tour:1.0.0 -- --exit 3
  echo hi | wasmlet run cat.wasm | wc -c
`;

async function run(
  file: string,
  args: string[],
  { env = [], dir = [], allowHost = [], memory, cacheDir, ...flags }: RunCommandOptions,
  { config, finish }: CommandContext,
): Promise<void> {
  const stop = listenForStop();
  const { runFile } = await import("../../node-runtime/run.ts");
  const exitCode = await runFile({
    file,
    ...(isReference(file) && { registries: await registriesOf(flags, config) }),
    args: args[0] === "--" ? args.slice(1) : args,
    env,
    preopens: dir,
    allowedOutboundHosts: allowHost,
    maxMemoryBytes: memory,
    cacheDirectory: cacheDir,
    cacheMaxBytes: config.cacheMaxBytes,
    onPreparing: () => {
      // Standard error is the guest's: a note there is for eyes alone.
      if (process.stderr.isTTY) writeErr(`wasmlet: preparing ${printable(file)}, kept for the next time\n`);
    },
    signal: stop.aborted,
  });
  finish(stop.aborted.aborted ? exitCodeOfSignal(await stop.first) : exitCode);
}

function readEnv(text: string): [string, string] {
  return readVariable(text, inheritedVariable);
}
