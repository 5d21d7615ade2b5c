import { InvalidArgumentError, type Command } from "commander";
import { SYSTEM_TIMING } from "../../../common/timing.ts";
import { WasmletError } from "../../../common/errors.ts";
import { isKubeError } from "../../../kube/kube-error.ts";
import { outputOption, readDuration } from "../../options.ts";
import { formatJson, printable, writeErr, writeOut } from "../../output.ts";
import { formatTable } from "../../table.ts";
import { getApp } from "../apps.ts";
import { listRuntimePods } from "../runtime-pods.ts";
import { withSession, type ClusterFlags, type Session } from "../session.ts";
import { byCpu, totalUsage, type AppUsage, type TotalUsage } from "../usage/app-usage.ts";
import { collectUsage, type Usage } from "../usage/collect.ts";
import { allNamespacesOption, needOneNamespace } from "./common-options.ts";

interface TopFlags extends ClusterFlags {
  allNamespaces?: boolean;
  interval: number;
  output: "table" | "json";
}

const MIN_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 60_000;

/** `kubectl wasmlet top [APP]`: what apps do now, by the metrics of their nodes' runtimes. */
export function defineTop(command: Command): void {
  command
    .argument("[app]", "only this one, a line per node")
    .addOption(allNamespacesOption())
    .option("--interval <duration>", "time between the two looks, 500ms to 1m", readInterval, 2000)
    .addOption(outputOption("table", "json"))
    .addHelpText("after", HELP)
    .action((name: string | undefined) => {
      const flags = command.optsWithGlobals<TopFlags>();
      needOneNamespace(name === undefined ? [] : [name], flags.allNamespaces);
      return withSession(flags, (session) => showUsage(name, flags, session));
    });
}

const HELP = `
CPU is in thousandths of a core, as \`kubectl top\` has it: the time that the app's guests had a thread. MEMORY is the linear
memory of its live instances. Both come from the metrics of the runtimes' pods, through the API server.

Examples:
  kubectl wasmlet top
  kubectl wasmlet top hello --interval 10s
  kubectl wasmlet top -A -o json
`;

async function showUsage(name: string | undefined, flags: TopFlags, session: Session): Promise<void> {
  const { client } = session;
  if (name !== undefined) await getApp(client, { namespace: session.namespace, name });
  const pods = await listRuntimePods(session);
  let usage: Usage;
  try {
    usage = await collectUsage(pods, { client, intervalMs: flags.interval, note, timing: SYSTEM_TIMING });
  } catch (thrown) {
    throw isKubeError(thrown, "KUBE_FORBIDDEN") ? mayNot(thrown, pods[0]?.metadata.namespace ?? "") : thrown;
  }
  const shown = usage.usages.filter(
    ({ namespace, app }) =>
      (flags.allNamespaces === true || namespace === session.namespace) && (name === undefined || app === name),
  );
  if (flags.output === "json") return writeOut(formatJson({ apps: name === undefined ? totalUsage(shown) : shown }));
  writeOut(name === undefined ? formatTotals(totalUsage(shown), flags.allNamespaces === true) : formatNodes(shown));
  writeOut(`\n${summarize(usage)}\n`);
}

/** Returns a line per app. */
export function formatTotals(totals: readonly TotalUsage[], hasNamespace: boolean): string {
  const rows = totals.map((total) => [
    ...(hasNamespace ? [total.namespace] : []),
    total.app,
    ...cells(total),
    String(total.nodes),
  ]);
  return formatTable([...(hasNamespace ? ["NAMESPACE"] : []), "APP", ...HEAD, "NODES"], rows);
}

/** Returns a line per node of an app. */
export function formatNodes(usages: readonly AppUsage[]): string {
  const rows = usages.toSorted(byCpu).map((usage) => [usage.node].concat(cells(usage)));
  return formatTable(["NODE", ...HEAD], rows);
}

const HEAD = ["REQ/S", "CPU", "MEMORY", "INSTANCES"];

function cells({ requestsPerSecond, cpu, memoryBytes, instances }: Omit<AppUsage, "node">): string[] {
  return [formatRate(requestsPerSecond), formatCpu(cpu), formatMemory(memoryBytes), String(instances)];
}

/** Returns what all apps do on all nodes, those of other namespaces too: that is what fills a node. */
export function summarize({ usages, nodes }: Usage): string {
  const totals = totalUsage(usages);
  const sum = (field: "requestsPerSecond" | "cpu" | "memoryBytes" | "instances"): number =>
    totals.reduce((all, total) => all + total[field], 0);
  const [apps, instances] = [count(totals.length, "app"), count(sum("instances"), "instance")];
  const [rate, cpu] = [formatRate(sum("requestsPerSecond")), formatCpu(sum("cpu"))];
  return `${count(nodes, "node")}, all namespaces: ${rate} req/s, ${cpu} CPU, ${formatMemory(sum("memoryBytes"))} in ${instances} of ${apps}`;
}

function formatRate(perSecond: number): string {
  return perSecond < 10 ? String(Number(perSecond.toFixed(1))) : String(Math.round(perSecond));
}

function formatCpu(cores: number): string {
  const milli = cores * 1000;
  return `${milli < 10 ? Number(milli.toFixed(1)) : Math.round(milli)}m`;
}

function formatMemory(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}Mi`;
}

function note(message: string): void {
  writeErr(`${printable(message)}\n`);
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function mayNot(cause: Error, systemNamespace: string): WasmletError {
  return new WasmletError("KUBE_FORBIDDEN", cause.message, {
    expected: `\`get\` of \`pods/proxy\` in the namespace ${systemNamespace}`,
    fix: "Ask whoever runs the cluster for this right, or read the same metrics from its Prometheus.",
    cause,
  });
}

function readInterval(text: string): number {
  const milliseconds = readDuration(text);
  if (milliseconds >= MIN_INTERVAL_MS && milliseconds <= MAX_INTERVAL_MS) return milliseconds;
  throw new InvalidArgumentError("Expected a duration from 500ms to 1m.");
}
