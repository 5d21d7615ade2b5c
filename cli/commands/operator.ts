import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { readClusterConfig, type ClusterConfig } from "../../config/cluster.ts";
import { connectCluster, neededOutsidePod } from "../cluster-connection.ts";
import type { CommandContext } from "../command-context.ts";
import type { PodMonitorSettings } from "../../operator/runtimes/resources.ts";
import { collect, managementPortOption, outputOption } from "../options.ts";
import { addRegistryOptions, registriesOf, type RegistryFlags } from "../registry-options.ts";
import { createJsonLog, createTextLog, type CommandLog } from "../runtime-log.ts";
import { listenForStop } from "../signals.ts";

interface OperatorFlags extends RegistryFlags {
  namespace?: string;
  runtimeImage: string;
  runtimeImagePullPolicy?: string;
  runtimeImagePullSecret?: string[];
  podMonitorLabel?: [string, string][];
  podMonitorInterval?: string;
  podMonitors?: boolean;
  defaultRuntimeFile?: string;
  startupBenchmarks?: boolean;
  startupProbeImage?: string;
  kubeconfig?: string;
  managementHost: string;
  managementPort: number;
  output: "text" | "json";
}

/** `wasmlet operator`: the controllers of a cluster, in the foreground. */
export function defineOperator(command: Command, _context: CommandContext): void {
  addRegistryOptions(command)
    .requiredOption("--runtime-image <image>", "image of the node runtimes' pods")
    .option("--runtime-image-pull-policy <policy>", "when nodes ask the registry for that image")
    .option("--runtime-image-pull-secret <name>", "Secret to pull it with; may be repeated", collect(String))
    .option("--pod-monitors", "tell the Prometheus Operator, where there is one, to scrape the nodes")
    .option("--pod-monitor-label <name=value>", "label of its PodMonitors; may be repeated", collect(readLabel))
    .option("--pod-monitor-interval <duration>", "how often the nodes are scraped; default Prometheus's", readInterval)
    .option("--startup-benchmarks", "run StartupBenchmarks")
    .option("--startup-probe-image <image>", "image of their pods; default that of the node runtimes")
    .option("--namespace <name>", "Wasmlet's own namespace; default $POD_NAMESPACE")
    .option("--default-runtime-file <file>", "a WasmRuntime in YAML that is kept as the file says", (file) =>
      resolve(file),
    )
    .option("--kubeconfig <file>", "how to reach the API server from outside the cluster", (file) => resolve(file))
    .option("--management-host <address>", "address for metrics and health", "0.0.0.0")
    .addOption(managementPortOption().default(DEFAULT_PORT))
    .addOption(outputOption("json", "text"))
    .addHelpText("after", HELP)
    .action(async (flags: OperatorFlags) => runOperator(flags, readClusterConfig(), _context));
}

const DEFAULT_PORT = 9465;

const HELP = `
Several may run at once: one leads, the others wait with everything read. SIGTERM gives the lead away.

Examples:
  wasmlet operator --runtime-image registry.example.com/wasmlet:1.0
  wasmlet operator --kubeconfig ~/.kube/config --namespace wasmlet-system --runtime-image wasmlet:dev -o text
`;

async function runOperator(flags: OperatorFlags, pod: ClusterConfig, { config }: CommandContext): Promise<void> {
  const stop = listenForStop();
  const namespace = flags.namespace ?? pod.podNamespace;
  if (namespace === undefined) throw neededOutsidePod("--namespace", "the namespace that Wasmlet runs in");
  const connection = await connectCluster(flags.kubeconfig, pod);
  const hasColor = process.stdout.isTTY && config.allowsColor;
  const log: CommandLog = flags.output === "text" ? createTextLog({ hasColor }) : await createJsonLog();
  const { credentials: _credentials, policy: _policy, ...registries } = await registriesOf(flags, config);
  const { startOperator } = await import("../../operator/start.ts");
  const operator = await startOperator({
    connection,
    namespace,
    identity: `${pod.podName ?? hostname()}_${randomBytes(4).toString("hex")}`,
    runtimeImage: flags.runtimeImage,
    runtimeImagePullPolicy: flags.runtimeImagePullPolicy,
    runtimeImagePullSecrets: flags.runtimeImagePullSecret,
    defaultRuntimeFile: flags.defaultRuntimeFile,
    podMonitors: podMonitorsOf(flags),
    startupProbeImage: flags.startupBenchmarks === true ? (flags.startupProbeImage ?? flags.runtimeImage) : undefined,
    managementHost: flags.managementHost,
    managementPort: flags.managementPort,
    registries,
    log,
  });
  log.info("watching", { namespace, management: operator.managementUrl });
  const signal = await stop.first;
  log.info("stopping", { signal });
  await operator.stop();
  log.info("stopped");
  await log.close();
}

function podMonitorsOf({
  podMonitors,
  podMonitorLabel = [],
  podMonitorInterval,
}: OperatorFlags): PodMonitorSettings | undefined {
  if (podMonitors !== true) return undefined;
  return { labels: Object.fromEntries(podMonitorLabel), interval: podMonitorInterval };
}

function readInterval(text: string): string {
  if (/^[0-9]+(ms|s|m)$/.test(text)) return text;
  throw new InvalidArgumentError("Expected a duration such as 30s.");
}

function readLabel(text: string): [string, string] {
  const [, name, value] = /^([^=\s]+)=([^=\s]*)$/.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new InvalidArgumentError("Expected NAME=VALUE.");
}
