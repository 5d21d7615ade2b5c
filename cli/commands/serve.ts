import { InvalidArgumentError, Option, type Command } from "commander";
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
import { exitCodeOf } from "../output.ts";
import { createJsonLog, createTextLog, type CommandLog } from "../runtime-log.ts";
import type { HeldPorts, SucceedingRuntime } from "../../node-runtime/runtime-api.ts";
import { listenForHangUp, listenForStop } from "../signals.ts";
import { StateReporter } from "../state-reporter.ts";
import { isTerminalGone, Succession, SUCCESSOR_FLAG } from "../succession.ts";
import { Successor } from "../successor.ts";

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
  /** Not for users: the process takes over from the one that started it. */
  successor?: boolean;
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
    .addOption(new Option(SUCCESSOR_FLAG).hideHelp())
    .addHelpText("after", HELP)
    .action(async (dir: string, options: ServeOptions) => serve(dir, options, context));
}

const HELP = `
SIGTERM or Ctrl-C drains: accepted requests are answered, then it exits with 0. A second one stops at
once: what was not answered is cut, and it exits with 143 (SIGTERM) or 130 (Ctrl-C).

SIGHUP starts it anew in place, with the files and programs that are there now: a successor serves on the
same ports, then what ran before answers what it accepted and ends. No connection is refused. When the
successor cannot serve all that is served now, all stays as it is. Linux only.

Examples:
  wasmlet serve ./manifests
  wasmlet serve app.yaml --port-base 3000 -o json
  wasmlet serve /etc/wasmlet --host 0.0.0.0 --management-host 0.0.0.0 --grace 1m
`;

async function serve(dir: string, options: ServeOptions, context: CommandContext): Promise<void> {
  if (options.successor === true) return succeed(dir, options, context);
  const stop = listenForStop();
  // One that comes while it starts would end it. Elsewhere ports cannot be listened on by two processes.
  const hangUp = process.platform === "linux" ? listenForHangUp() : undefined;
  const log = await createLog(options, context);
  const runtime = await start(dir, options, context, log);
  const succession = new Succession(
    runtime,
    () => {
      stopReporting();
      return runtime.stepDown(options.grace);
    },
    log,
  );
  const stopReporting = report(runtime, dir, log);
  hangUp?.(() => {
    if (isTerminalGone()) process.kill(process.pid, "SIGTERM");
    else void succession.handOver();
  });
  const ended = await Promise.race([stop.first, succession.lost]);
  if (typeof ended === "number") log.error("the process that serves has ended", { exitCode: ended });
  const exitCode = typeof ended === "number" ? ended : await succession.stop(ended);
  if (succession.isFront || typeof ended === "number") context.finish(exitCode);
  else {
    stopReporting();
    log.info("draining", { signal: ended, graceSeconds: options.grace / 1000 });
    await runtime.stop(options.grace);
    log.info("stopped");
  }
  await log.close();
}

/** Takes the place of the runtime of the process that started this one, until another one takes its place. */
async function succeed(dir: string, options: ServeOptions, context: CommandContext): Promise<void> {
  const successor = new Successor();
  const log = await createLog(options, context);
  try {
    const runtime = await start(dir, options, context, log, await successor.inherited);
    const stopReporting = report(runtime, dir, log);
    await successor.announce(runtime);
    const ending = await successor.ending;
    stopReporting();
    if (ending.kind === "replaced") await runtime.stepDown(options.grace);
    else {
      log.info("draining", { signal: ending.signal, graceSeconds: options.grace / 1000 });
      await runtime.stop(options.grace);
      log.info("stopped");
    }
  } catch (thrown) {
    successor.fail(thrown);
    context.finish(exitCodeOf(thrown));
  }
  await log.close();
  successor.close();
}

async function createLog(options: ServeOptions, { config }: CommandContext): Promise<CommandLog> {
  const isTerminal = process.stdout.isTTY;
  const asText = (options.output ?? (isTerminal ? "text" : "json")) === "text";
  return asText ? createTextLog({ hasColor: isTerminal && config.allowsColor }) : createJsonLog();
}

async function start(
  dir: string,
  options: ServeOptions,
  { config }: CommandContext,
  log: CommandLog,
  inherited?: HeldPorts,
): Promise<SucceedingRuntime> {
  const { startRuntime } = await import("../../node-runtime/start.ts");
  return startRuntime({
    folder: dir,
    host: options.host,
    firstPort: options.portBase,
    managementHost: options.managementHost,
    managementPort: options.managementPort,
    cacheDirectory: options.cacheDir,
    cacheMaxBytes: config.cacheMaxBytes,
    registries: await registriesOf(options, config),
    inherited,
    cells: options.cells,
    spareCells: options.spareCells,
    sharedCells: options.sharedCells === true,
    log,
  });
}

/** Logs where the apps stand from now on; returns the undoing. */
function report(runtime: SucceedingRuntime, folder: string, log: CommandLog): () => void {
  log.info("serving", { folder, apps: runtime.apps().length, management: runtime.managementUrl });
  const states = new StateReporter(log);
  states.report(runtime.apps());
  // One app at a time: with thousands of them, looking at all after each change takes longer than what changed them.
  return runtime.onChange((app) => {
    if (app === undefined) states.report(runtime.apps());
    else states.reportOne(app, runtime.app(app));
  });
}

function readFolder(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected a folder.");
  return resolve(text);
}
