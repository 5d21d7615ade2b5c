import { InvalidArgumentError, type Command } from "commander";
import { messageOf } from "../../common/errors.ts";
import { SYSTEM_TIMING } from "../../common/timing.ts";
import { readClusterConfig, type ClusterConfig } from "../../config/cluster.ts";
import { connectCluster, neededOutsidePod } from "../cluster-connection.ts";
import type { CommandContext } from "../command-context.ts";
import { outputOption } from "../options.ts";
import { createJsonLog, createTextLog, type CommandLog } from "../runtime-log.ts";
import { exitCodeOfSignal, listenForStop } from "../signals.ts";

interface ProbeFlags {
  benchmark: string;
  hostname: string;
  image: string;
  imageBytes?: number;
  podUid: string;
  namespace?: string;
  podName?: string;
  kubeconfig?: string;
  output: "text" | "json";
}

/** `wasmlet startup-probe`: runs a StartupBenchmark of a cluster once. */
export function defineStartupProbe(command: Command, context: CommandContext): void {
  command
    .requiredOption("--benchmark <name>", "StartupBenchmark that is run")
    .requiredOption("--hostname <label>", "label kubernetes.io/hostname of the node on which all is started")
    .requiredOption("--image <image>", "image of Wasmlet, which has the native program in it")
    .requiredOption("--pod-uid <uid>", "uid of this pod: what is started belongs to it")
    .option("--image-bytes <number>", "bytes of the benchmark's own image, where the node tells", readBytes)
    .option("--namespace <name>", "namespace of the benchmark; default $POD_NAMESPACE")
    .option("--pod-name <name>", "pod that this is; default $POD_NAME")
    .option("--kubeconfig <file>", "how to reach the API server from outside the cluster")
    .addOption(outputOption("json", "text"))
    .addHelpText("after", HELP)
    .action((flags: ProbeFlags) => runProbe(flags, readClusterConfig(), context));
}

const HELP = `
Runs in a pod that the operator makes for a StartupBenchmark. It starts what that asks for, in turns, and tells in the status
how long it took. What it starts belongs to its pod: it goes with it, whatever happens.

Examples:
  wasmlet startup-probe --benchmark nightly --hostname node1 --image wasmlet:dev --pod-uid 4b7f8a4e-…
`;

async function runProbe(flags: ProbeFlags, pod: ClusterConfig, context: CommandContext): Promise<void> {
  const { config } = context;
  const stop = listenForStop();
  const namespace = flags.namespace ?? pod.podNamespace;
  const podName = flags.podName ?? pod.podName;
  if (namespace === undefined) throw neededOutsidePod("--namespace", "the namespace of the benchmark");
  if (podName === undefined) throw neededOutsidePod("--pod-name", "the pod that what is started belongs to");
  const connection = await connectCluster(flags.kubeconfig, pod);
  const hasColor = process.stdout.isTTY && config.allowsColor;
  const log: CommandLog = flags.output === "text" ? createTextLog({ hasColor }) : await createJsonLog();
  const { runBenchmark } = await import("../../startup/cluster-probe.ts");
  try {
    const results = await runBenchmark({
      connection,
      namespace,
      benchmark: flags.benchmark,
      pod: { name: podName, uid: flags.podUid },
      hostname: flags.hostname,
      image: flags.image,
      imageBytes: flags.imageBytes,
      searchPath: config.searchPath,
      onProgress: (step) => log.info(step),
      timing: SYSTEM_TIMING,
      signal: stop.aborted,
    });
    for (const { contender, why } of results.missing) log.warn(`${contender} is left out`, { why });
    log.info("done", { summary: results.summary });
  } catch (thrown) {
    if (!stop.aborted.aborted) throw thrown;
    log.info("stopped: what was started is gone", { reason: messageOf(thrown) });
    context.finish(exitCodeOfSignal(await stop.first));
  } finally {
    await log.close();
  }
}

function readBytes(text: string): number {
  const bytes = Number(text);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError("Expected a whole number of bytes.");
}
