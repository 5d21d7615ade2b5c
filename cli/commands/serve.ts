import { InvalidArgumentError, type Command } from "commander";
import { resolve } from "node:path";
import type { CommandContext } from "../command-context.ts";
import {
  cacheOption,
  cellsOption,
  sharedCellsOption,
  graceOption,
  managementPortOption,
  outputOption,
  portBaseOption,
  spareCellsOption,
} from "../options.ts";
import { addArtifactOptions, registriesOf, type RegistryFlags } from "../registry-options.ts";
import { createJsonLog, createTextLog, type CommandLog } from "../runtime-log.ts";
import { listenForStop } from "../signals.ts";
import { StateReporter } from "../state-reporter.ts";

interface ServeOptions extends RegistryFlags {
  host: string;
  portBase: number;
  managementHost: string;
  managementPort: number;
  cells: number;
  spareCells: number;
  sharedCells?: boolean;
  grace: number;
  cacheDir: string;
  output?: "text" | "json";
}

/** `wasmlet serve DIR`: the node runtime in the foreground. */
export function defineServe(command: Command, context: CommandContext): void {
  const format = outputOption("text", "json").default(undefined, "text on a terminal, else json");
  addArtifactOptions(command)
    .argument("<dir>", "folder of manifests, watched; or one manifest", readFolder)
    .option("--host <address>", "address that apps listen on", "127.0.0.1")
    .addOption(portBaseOption())
    .option("--management-host <address>", "address for metrics, health and the list of apps", "127.0.0.1")
    .addOption(managementPortOption())
    .addOption(cellsOption())
    .addOption(spareCellsOption())
    .addOption(sharedCellsOption())
    .addOption(graceOption())
    .addOption(cacheOption(context.config))
    .addOption(format)
    .addHelpText("after", HELP)
    .action(async (dir: string, options: ServeOptions) => serve(dir, options, context));
}

const HELP = `
SIGTERM or Ctrl-C drains: accepted requests are answered, then it exits with 0. A second one stops at
once: what was not answered is cut, and it exits with 143 (SIGTERM) or 130 (Ctrl-C).

Examples:
  wasmlet serve ./manifests
  wasmlet serve app.yaml --port-base 3000 -o json
  wasmlet serve /etc/wasmlet --host 0.0.0.0 --management-host 0.0.0.0 --grace 1m
`;

async function serve(dir: string, options: ServeOptions, { config }: CommandContext): Promise<void> {
  const stop = listenForStop();
  const isTerminal = process.stdout.isTTY;
  const hasColor = isTerminal && config.allowsColor;
  const asText = (options.output ?? (isTerminal ? "text" : "json")) === "text";
  const log: CommandLog = asText ? createTextLog({ hasColor }) : await createJsonLog();
  const { startRuntime } = await import("../../node-runtime/start.ts");
  const runtime = await startRuntime({
    folder: dir,
    host: options.host,
    firstPort: options.portBase,
    managementHost: options.managementHost,
    managementPort: options.managementPort,
    cacheDirectory: options.cacheDir,
    cacheMaxBytes: config.cacheMaxBytes,
    registries: await registriesOf(options, config),
    cells: options.cells,
    spareCells: options.spareCells,
    sharedCells: options.sharedCells === true,
    log,
  });
  log.info("serving", { folder: dir, apps: runtime.apps().length, management: runtime.managementUrl });
  const states = new StateReporter(log);
  states.report(runtime.apps());
  const stopReporting = runtime.onChange(() => states.report(runtime.apps()));
  const signal = await stop.first;
  stopReporting();
  log.info("draining", { signal, graceSeconds: options.grace / 1000 });
  await runtime.stop(options.grace);
  log.info("stopped");
  await log.close();
}

function readFolder(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected a folder.");
  return resolve(text);
}
