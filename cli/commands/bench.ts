import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { WasmletError } from "../../common/errors.ts";
import type { CommandContext } from "../command-context.ts";
import { cacheOption, outputOption } from "../options.ts";
import { formatJson, writeErr, writeOut } from "../output.ts";
import { Progress } from "../progress.ts";
import type { Comparison } from "../../startup/measure.ts";
import { exitCodeOfSignal, listenForStop } from "../signals.ts";

const FORMATS = ["table", "json", "markdown", "svg", "prometheus"] as const;
const DEFAULT_SAMPLES = 30;
const MAX_SAMPLES = 10_000;
const BAR = 24;

interface StartupFlags {
  technologies?: string[];
  samples: number;
  startsOnly?: boolean;
  kernelRoot?: string;
  kubeconfig?: string;
  image?: string;
  cacheDir: string;
  output: (typeof FORMATS)[number];
}

/** `wasmlet bench`: measures on this machine. */
export function defineBench(command: Command, context: CommandContext): void {
  command.addHelpText("after", EXAMPLES);
  command
    .command("startup")
    .description("Compare how long the same program takes to start as Wasm, as a container and as a virtual machine")
    .addOption(
      new Option("--technologies <names>", "what to start, separated by commas; all unless given").argParser(readNames),
    )
    .addOption(
      new Option("--samples <number>", "starts of each, in turns").default(DEFAULT_SAMPLES).argParser(readSamples),
    )
    .option("--starts-only", "leave out speed and isolation")
    .option("--kernel-root <folder>", "folder with boot/vmlinuz-* and lib/modules for virtual machines")
    .option("--kubeconfig <file>", "cluster to start pods and WasmApps on, in a namespace of their own")
    .option("--image <reference>", "image of the program for pods, as nodes have it or can pull it")
    .addOption(cacheOption(context.config))
    .addOption(outputOption(...FORMATS))
    .addHelpText("after", HELP)
    .action((flags: StartupFlags) => compare(flags, context));
}

const EXAMPLES = `
Examples:
  wasmlet bench startup
  wasmlet bench startup --help
`;

const HELP = `
One program (startup/program) is a component, a static binary and the init of a virtual machine. A start counts from the
moment it is asked for until the program has answered a request. All take turns; one round before the first warms up. What
cannot be started here is left out, and the report says why: containers need root and Linux, machines QEMU and what they boot:
npm run startup:kernel and npm run startup:debian get it.

  wasm-wake      a request to an app that is scaled to zero      crun, runc   a container from an unpacked bundle
  wasm-new       a new app whose artifact the node has           containerd   a container from an unpacked image
  wasm-artifact  a new app with a new artifact                   crun-node    a container with the program for Node.js
  process        the native program alone: what all add to       pod          a pod, from its creation through the API on
  wasm-app       a WasmApp, from its creation through the API    pod-CLASS    the same with that RuntimeClass
  microvm        a virtual machine with the program as its init  debian-vm    one with Debian, the program as a service
  app-wake       wasm-wake, on a node of the cluster

debian-vm takes a quarter of a minute where there is no KVM: it is started in 10 rounds at most, spread over all.

Pods and WasmApps are started on one node of the cluster of --kubeconfig; this machine must reach its pods. The image of the
program is the binary alone: npm run startup:image writes it as an archive, to be loaded into nodes or pushed to a registry. Kata and
other virtual machines for pods are RuntimeClasses: --technologies wasm-wake,pod,pod-kata.

-o json has every sample; svg is a plot of them; prometheus is for node_exporter's textfile collector, or a Pushgateway.

Examples:
  wasmlet bench startup
  wasmlet bench startup --technologies wasm-wake,crun --samples 100
  wasmlet bench startup -o json > starts.json
`;

async function compare(flags: StartupFlags, context: CommandContext): Promise<void> {
  const { samples, startsOnly = false, kernelRoot, cacheDir, kubeconfig, image, output } = flags;
  const { compareStarts } = await import("../../startup/measure.ts");
  const { TECHNOLOGY_NAMES } = await import("../../startup/technologies.ts");
  const { connectFromKubeconfig } = await import("../../kube/connection.ts");
  const technologies = chosenOf(flags.technologies, TECHNOLOGY_NAMES);
  const progress = new Progress(process.stderr);
  const stop = listenForStop();
  const onProgress = (step: string, share: number): void => {
    const done = Math.round(share * BAR);
    if (progress.isLive) progress.show(`[${"#".repeat(done)}${" ".repeat(BAR - done)}] ${step}`);
    // Elsewhere a line for each start would be too many.
    else if (!step.startsWith("round") || step.endsWith(technologies[0]!)) progress.show(step);
  };
  try {
    const comparison = await compareStarts({
      technologies,
      samples,
      isWhole: !startsOnly,
      kernelRoots: kernelRoot === undefined ? [join(cacheDir, "startup-kernel"), "/"] : [kernelRoot],
      debianFolder: join(cacheDir, "startup-debian"),
      cluster: kubeconfig === undefined ? undefined : await connectFromKubeconfig(kubeconfig),
      image,
      searchPath: context.config.searchPath,
      onProgress,
      signal: stop.aborted,
    });
    progress.clear();
    if (comparison.contenders.length === 0) throw nothingStarted(comparison.missing);
    writeOut(await format(output, comparison));
  } catch (thrown) {
    progress.clear();
    if (!stop.aborted.aborted) throw thrown;
    writeErr("stopped: what was started is gone\n");
    context.finish(exitCodeOfSignal(await stop.first));
  }
}

async function format(output: StartupFlags["output"], comparison: Comparison): Promise<string> {
  if (output === "json") return formatJson(comparison);
  if (output === "svg") return (await import("../../startup/report/plot.ts")).plotStarts(comparison);
  if (output === "prometheus") return (await import("../../startup/metrics.ts")).formatMetrics(comparison, "cli");
  const { formatMarkdown, formatReport } = await import("../../startup/report/format.ts");
  return output === "markdown" ? formatMarkdown(comparison) : formatReport(comparison);
}

function nothingStarted(missing: readonly { contender: string; why: string }[]): WasmletError {
  const reasons = missing.map(({ contender, why }) => `${contender}: ${why}`).join("; ");
  return new WasmletError("STARTUP_UNAVAILABLE", "nothing could be started here", { actual: reasons });
}

function readNames(text: string): string[] {
  return [...new Set(text.split(",").map((name) => name.trim()))];
}

/** Returns what is to be started; throws CLI_USAGE for a name that means nothing. */
function chosenOf(names: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  const unknown = names?.find((name) => !known.includes(name) && !/^pod-[a-z0-9.-]+$/.test(name));
  if (unknown === undefined) return names ?? known;
  const message = "--technologies names something that cannot be started";
  throw new WasmletError("CLI_USAGE", message, { expected: `${known.join(", ")}, pod-RUNTIMECLASS`, actual: unknown });
}

function readSamples(text: string): number {
  const samples = Number(text);
  if (Number.isInteger(samples) && samples >= 1 && samples <= MAX_SAMPLES) return samples;
  throw new InvalidArgumentError(`expected a whole number from 1 to ${MAX_SAMPLES}, got "${text}".`);
}
