import { InvalidArgumentError, type Command } from "commander";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { readClusterConfig, type ClusterConfig } from "../../config/cluster.ts";
import { connectCluster, neededOutsidePod } from "../cluster-connection.ts";
import type { CommandContext } from "../command-context.ts";
import {
  cacheOption,
  cellsOption,
  graceOption,
  managementPortOption,
  outputOption,
  spareCellsOption,
  sharedCellsOption,
} from "../options.ts";
import { addArtifactOptions, registriesOf, type RegistryFlags } from "../registry-options.ts";
import { createJsonLog, createTextLog, type CommandLog } from "../runtime-log.ts";
import { listenForStop } from "../signals.ts";
import { StateReporter } from "../state-reporter.ts";

interface NodeOptions extends RegistryFlags {
  nodeName?: string;
  runtimeName?: string;
  podName?: string;
  podIp?: string;
  kubeconfig?: string;
  host?: string;
  managementHost: string;
  managementPort: number;
  cells: number;
  spareCells: number;
  sharedCells?: boolean;
  grace: number;
  cacheDir: string;
  volumesDir?: string;
  secretsDir?: string;
  output: "text" | "json";
}

/** `wasmlet node`: the node runtime of a cluster, in the foreground. */
export function defineNode(command: Command, context: CommandContext): void {
  addArtifactOptions(command)
    .option("--node-name <name>", "node whose WasmReplicas are run; default $NODE_NAME")
    .option("--runtime-name <name>", "WasmRuntime whose WasmReplicas are run; default those of every one")
    .option("--pod-name <name>", "pod that this is; default $POD_NAME or the host's name")
    .option("--pod-ip <address>", "address where the node's apps are reached; default $POD_IP", readAddress)
    .option("--kubeconfig <file>", "how to reach the API server from outside the cluster", (file) => resolve(file))
    .option("--host <address>", "address that apps listen on; default all of the pod's")
    .option("--management-host <address>", "address for metrics, health and the list of apps", "0.0.0.0")
    .addOption(managementPortOption())
    .addOption(cellsOption())
    .addOption(spareCellsOption())
    .addOption(sharedCellsOption())
    .addOption(graceOption())
    .addOption(cacheOption(context.config))
    .option("--volumes-dir <folder>", "folder for apps' volumes, the pod's own; default in the cache", (path) =>
      resolve(path),
    )
    .option("--secrets-dir <folder>", "folder in memory for Secrets; without it they are not kept", (path) =>
      resolve(path),
    )
    .addOption(outputOption("json", "text"))
    .addHelpText("after", HELP)
    .action(async (options: NodeOptions) => runNode(options, readClusterConfig(), context));
}

const HELP = `
Runs in a pod on each node, which the operator keeps. While the API server is away, apps go on, and a
runtime that starts runs what it ran before.

SIGTERM drains: accepted requests are answered, then it exits with 0. A pod serves on in its preStop
pause, which comes before.

Examples:
  wasmlet node --secrets-dir /run/wasmlet/secrets
  wasmlet node --kubeconfig ~/.kube/config --node-name node1 --pod-ip 192.168.1.7
`;

async function runNode(options: NodeOptions, pod: ClusterConfig, { config }: CommandContext): Promise<void> {
  const stop = listenForStop();
  const nodeName = options.nodeName ?? pod.nodeName;
  if (nodeName === undefined)
    throw neededOutsidePod("--node-name", "the name of this node, or NODE_NAME in the environment");
  const podIP = options.podIp ?? pod.podIP;
  const connection = await connectCluster(options.kubeconfig, pod);
  const hasColor = process.stdout.isTTY && config.allowsColor;
  const log: CommandLog = options.output === "text" ? createTextLog({ hasColor }) : await createJsonLog();
  const { startNode } = await import("../../node-runtime/cluster/start-node.ts");
  const runtime = await startNode({
    connection,
    nodeName,
    runtimeName: options.runtimeName,
    podName: options.podName ?? pod.podName ?? hostname(),
    podIP,
    // A pod that only a flag names is none that could be asked for.
    podNamespace: options.podName === undefined && pod.podName !== undefined ? pod.podNamespace : undefined,
    host: options.host ?? (podIP !== undefined && isIP(podIP) === 6 ? "::" : "0.0.0.0"),
    firstPort: 0,
    managementHost: options.managementHost,
    managementPort: options.managementPort,
    cacheDirectory: options.cacheDir,
    cacheMaxBytes: config.cacheMaxBytes,
    volumesDirectory: options.volumesDir,
    secretsDirectory: options.secretsDir,
    registries: await registriesOf(options, config),
    cells: options.cells,
    spareCells: options.spareCells,
    sharedCells: options.sharedCells === true,
    log,
  });
  log.info("serving", { node: nodeName, apps: runtime.apps().length, management: runtime.managementUrl });
  const states = new StateReporter(log);
  states.report(runtime.apps());
  const stopReporting = runtime.onChange((app) => {
    if (app !== undefined) states.reportOne(app, runtime.app(app));
  });
  const signal = await stop.first;
  stopReporting();
  log.info("draining", { signal, graceSeconds: options.grace / 1000 });
  await runtime.stop(options.grace);
  log.info("stopped");
  await log.close();
}

function readAddress(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new InvalidArgumentError("Expected an IP address.");
}
