import type { Command } from "commander";
import { existsSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WasmletError } from "../../common/errors.ts";
import type { Runtime, RuntimeLog } from "../../node-runtime/runtime-api.ts";
import type { CommandContext } from "../command-context.ts";
import { findTakenPorts, MANIFEST, readExamples, writeWithFreePorts, type Example } from "../demo/examples.ts";
import { isPortFree } from "../../common/ports.ts";
import { probeUrl } from "../demo/probe.ts";
import { awaitReady, type Readiness } from "../demo/readiness.ts";
import { DemoLog } from "../demo/demo-log.ts";
import {
  createProgressNews,
  describeApps,
  describeFailures,
  describeNextSteps,
  describeProgress,
} from "../demo/report.ts";
import { cacheOption } from "../options.ts";
import { compareInDemo } from "../demo/starts.ts";
import { describeError, writeOut } from "../output.ts";
import { Progress } from "../progress.ts";
import { createTextLog } from "../runtime-log.ts";
import { exitCodeOfSignal, listenForStop, type StopSignals } from "../signals.ts";
import { StateReporter } from "../state-reporter.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const HOST = "127.0.0.1";
const PORT_BASE = 8080;
const MANAGEMENT_PORT = 9464;
const CELLS = 2;
const GRACE_MS = 10_000;
const READY_TIMEOUT_MS = 180_000;
const PAUSE_MS = 100;

interface DemoOptions {
  exitWhenReady?: boolean;
  cacheDir: string;
}

/** `wasmlet demo`: serves the repository's examples and shows what to do with them. */
export function defineDemo(command: Command, context: CommandContext): void {
  command
    .option("--exit-when-ready", "stop after every app has answered: 0 when all did, 1 with the reasons otherwise")
    .addOption(cacheOption(context.config))
    .addHelpText("after", HELP)
    .action(async (options: DemoOptions) => demo(options, context));
}

const HELP = `
Uses ports 8080 to 8084, and 9464 for metrics; free ones where those are taken. START-P50 is the median of an app's
cold starts: from the request that woke it to the answer (a command: from its start to its end).

With all apps served, it compares how the same program starts as Wasm and as what else this machine can start: the small form of
\`wasmlet bench startup\`.

Examples:
  wasmlet demo
  wasmlet demo --exit-when-ready
`;

async function demo({ exitWhenReady = false, cacheDir }: DemoOptions, context: CommandContext): Promise<void> {
  const { config, finish } = context;
  const stop = listenForStop();
  const progress = new Progress(process.stderr, { isLive: process.stderr.isTTY && !config.isCi });
  const hasColor = config.allowsColor && process.stderr.isTTY;
  const log = new DemoLog(createTextLog({ hasColor, write: (text) => progress.print(text.trimEnd()) }));
  await buildMissingGuest(progress);
  const examples = readExamples(EXAMPLES);
  const taken = await findTakenPorts(examples, HOST);
  const folder = taken.length === 0 ? EXAMPLES : await writeWithFreePorts(examples, taken, HOST);
  for (const port of taken) progress.print(`Port ${port} is taken: the demo uses a free one instead.`);
  try {
    const runtime = await startDemoRuntime(folder, cacheDir, log, progress);
    const readiness = await watchReadiness(runtime, examples, stop, progress);
    progress.clear();
    log.release();
    if (!stop.aborted.aborted) await presentApps(runtime, readiness);
    if (!exitWhenReady) {
      const isReloaded = folder === EXAMPLES;
      if (!stop.aborted.aborted) presentNextSteps(runtime, isReloaded);
      reportChanges(runtime, log);
      await compareInDemo(config, cacheDir, progress, stop.aborted);
      await stop.first;
      progress.print("Draining; Ctrl-C again stops at once.");
    }
    await runtime.stop(GRACE_MS);
    if (!exitWhenReady) return;
    if (stop.aborted.aborted) finish(exitCodeOfSignal(await stop.first));
    else if (readiness.failed.size + readiness.waiting.size > 0) throw incomplete(readiness);
  } finally {
    if (folder !== EXAMPLES) rmSync(folder, { recursive: true, force: true });
  }
}

/** The JavaScript example is too large to be committed. Where it can't be built, the other apps are served all the same. */
async function buildMissingGuest(progress: Progress): Promise<void> {
  const { JS_GUEST, REPOSITORY } = await import("../../examples/guest-catalog.ts");
  const wasm = join(REPOSITORY, JS_GUEST.wasm);
  if (existsSync(wasm)) return;
  progress.show(`building ${JS_GUEST.name} from JavaScript, once, about ten seconds`);
  const { buildJsGuest } = await import("../../examples/build-js.ts");
  try {
    await buildJsGuest(join(REPOSITORY, JS_GUEST.source), wasm);
  } catch (error) {
    progress.print(describeError(error).trimEnd());
  }
}

async function startDemoRuntime(
  folder: string,
  cacheDirectory: string,
  log: RuntimeLog,
  progress: Progress,
): Promise<Runtime> {
  progress.show("starting the node runtime");
  const managementPort = (await isPortFree(HOST, MANAGEMENT_PORT)) ? MANAGEMENT_PORT : 0;
  if (managementPort === 0) progress.print(`Port ${MANAGEMENT_PORT} is taken: metrics use a free one instead.`);
  const { startRuntime } = await import("../../node-runtime/start.ts");
  return startRuntime({
    folder,
    // Beside them are those for clusters, which refer to what only a cluster has.
    isTaken: (file) => basename(file) === MANIFEST,
    host: HOST,
    firstPort: PORT_BASE,
    managementHost: HOST,
    managementPort,
    cacheDirectory,
    cells: CELLS,
    log,
  });
}

async function watchReadiness(
  runtime: Runtime,
  examples: readonly Example[],
  { aborted }: StopSignals,
  progress: Progress,
): Promise<Readiness> {
  const newsOf = createProgressNews();
  const show = (readiness: Readiness): void => {
    if (progress.isLive) progress.show(describeProgress(readiness));
    else for (const line of newsOf(readiness)) progress.print(line);
  };
  return awaitReady({
    expected: examples.flatMap(({ apps }) => apps),
    apps: () => runtime.apps(),
    probe: probeUrl,
    now: () => performance.now(),
    // The signal ends the wait early; that is no error here.
    pause: () => delay(PAUSE_MS, undefined, { signal: aborted }).catch(() => {}),
    timeoutMs: READY_TIMEOUT_MS,
    onProgress: show,
    signal: aborted,
  });
}

async function presentApps(runtime: Runtime, readiness: Readiness): Promise<void> {
  // A scrape makes the cells report their start times.
  await probeUrl(new URL("/metrics", runtime.managementUrl).href);
  writeOut(`\n${describeApps(runtime.apps(), readiness)}\n`);
}

function presentNextSteps(runtime: Runtime, isReloaded: boolean): void {
  const reload = isReloaded ? "Edit a manifest below examples/ and it is reloaded. " : "";
  writeOut(`${describeNextSteps(runtime.apps(), runtime.managementUrl)}\n${reload}Ctrl-C drains and stops.\n`);
}

/** From now on, says what changes: the table shows what is so already. */
function reportChanges(runtime: Runtime, log: DemoLog): void {
  const states = new StateReporter(log);
  states.report(runtime.apps());
  log.tellNews();
  runtime.onChange(() => states.report(runtime.apps()));
}

function incomplete(readiness: Readiness): WasmletError {
  return new WasmletError("CLI_DEMO_INCOMPLETE", `not every app answered:\n${describeFailures(readiness)}`, {
    expected: "every app to answer or complete within 180 s",
  });
}
