import { InvalidArgumentError, type Command } from "commander";
import { SYSTEM_TIMING } from "../../../common/timing.ts";
import { WasmletError } from "../../../common/errors.ts";
import { isKubeError } from "../../../kube/kube-error.ts";
import type { WasmReplica } from "../../../operator/objects.ts";
import type { CommandContext } from "../../command-context.ts";
import { outputOption, readDuration } from "../../options.ts";
import { printable, writeErr, writeOut } from "../../output.ts";
import { exitCodeOfSignal, listenForStop } from "../../signals.ts";
import { getApp, listReplicas } from "../apps.ts";
import { followLogs, type Source } from "../logs/follow.ts";
import { lastOf, mergeSorted } from "../logs/lines.ts";
import { PodLog, type OrderedLine } from "../logs/pod-log.ts";
import { findSystemNamespace } from "../runtime-pods.ts";
import { withSession, type ClusterFlags, type Session } from "../session.ts";

interface LogsFlags extends ClusterFlags {
  follow?: boolean;
  tail?: number;
  since?: number;
  node?: string;
  prefix?: boolean;
  timestamps?: boolean;
  runtime?: boolean;
  maxLogRequests: number;
  output: "text" | "json";
}

const MAX_TAIL = 10_000;
/** Characters of the last lines that are kept of each replica. */
const MAX_TAIL_LENGTH = 8 * 1024 * 1024;
const MAX_LOGS = 20;
const EXIT_FAILED = 1;

/** `kubectl wasmlet logs APP`: what an app wrote on its nodes, out of the logs of their runtimes. */
export function defineLogs(command: Command, context: CommandContext): void {
  command
    .argument("<app>", "the app")
    .option("-f, --follow", "print what it writes from now on too, until Ctrl-C")
    .option("--tail <lines>", "only the last lines of each node", readCount(0, MAX_TAIL))
    .option("--since <duration>", "only lines of the last 10m, 1h, …", readDuration)
    .option("--node <name>", "only what it wrote on this node")
    .option("--prefix", "the node before each line, also where there is but one")
    .option("--timestamps", "the time before each line")
    .option("--runtime", "also what the node runtime says of the app")
    .option("--max-log-requests <number>", "logs to read at once", readCount(1, 1000), MAX_LOGS)
    .addOption(outputOption("text", "json"))
    .addHelpText("after", HELP)
    .action(async (name: string) => {
      const stop = listenForStop();
      const flags = command.optsWithGlobals<LogsFlags>();
      const work = withSession(flags, (session) => printLogs(name, flags, session, stop.aborted));
      const exitCode = await Promise.race([work, stop.first.then(exitCodeOfSignal)]);
      context.finish(stop.aborted.aborted ? exitCodeOfSignal(await stop.first) : exitCode);
    });
}

const HELP = `
With several nodes, each line begins with its node. A node keeps the log of its runtime as the kubelet does: a rotated part
of it is gone, and so is what a pod wrote that was replaced.

Examples:
  kubectl wasmlet logs hello
  kubectl wasmlet logs hello -f --tail 10
  kubectl wasmlet logs hello --since 1h --node node1 -o json | jq -r .msg
`;

async function printLogs(name: string, flags: LogsFlags, session: Session, signal: AbortSignal): Promise<number> {
  const { client, namespace } = session;
  const app = { namespace, name };
  await getApp(client, app);
  const replicas = await listReplicas(client, app);
  const sourceOf = ({ spec, status }: WasmReplica): Source | undefined =>
    status?.podName === undefined || (flags.node !== undefined && spec.nodeName !== flags.node)
      ? undefined
      : { node: spec.nodeName, pod: status.podName };
  const sources = replicas.map(sourceOf).filter((source): source is Source => source !== undefined);
  if (sources.length > flags.maxLogRequests) throw tooMany(sources.length, flags.maxLogRequests);
  if (sources.length === 0)
    note(`${name} runs on no node${flags.node === undefined ? "" : ` called ${flags.node}`} yet`);
  const systemNamespace = sources.length > 0 || flags.follow === true ? await findSystemNamespace(session) : "";
  const selection = { app, hasRuntime: flags.runtime === true };
  const logs = new Map<string, PodLog>();
  const logOf = ({ pod }: Source): PodLog => {
    const log = logs.get(pod) ?? new PodLog(client, { namespace: systemNamespace, name: pod }, selection);
    logs.set(pod, log);
    return log;
  };
  const print = createPrinter(app, flags, sources);
  const sinceSeconds = flags.since === undefined ? undefined : Math.max(1, Math.ceil(flags.since / 1000));
  try {
    const isWhole = await printPast(sources, logOf, print, { tail: flags.tail, sinceSeconds, signal });
    if (flags.follow !== true) return isWhole ? 0 : EXIT_FAILED;
    const { maxLogRequests: maxLogs } = flags;
    await followLogs({
      client,
      app,
      sourceOf,
      logOf,
      print,
      note,
      sinceSeconds,
      maxLogs,
      signal,
      timing: SYSTEM_TIMING,
    });
    return 0;
  } catch (thrown) {
    throw isKubeError(thrown, "KUBE_FORBIDDEN") ? mayNot(thrown, systemNamespace) : thrown;
  }
}

/** Prints what is there, all nodes in the order of time; false when a part of it could not be had. */
async function printPast(
  sources: readonly Source[],
  logOf: (source: Source) => PodLog,
  print: (source: Source, line: OrderedLine) => void,
  { tail, sinceSeconds, signal }: { tail?: number | undefined; sinceSeconds?: number | undefined; signal: AbortSignal },
): Promise<boolean> {
  let isWhole = true;
  const read = async function* (source: Source): AsyncGenerator<{ source: Source; line: OrderedLine }> {
    try {
      const lines = logOf(source).read({
        signal,
        ...(sinceSeconds !== undefined && { sinceSeconds }),
        // How far the log goes is all that is asked for.
        ...(tail === 0 && { tailLines: 1 }),
      });
      if (tail === undefined) for await (const line of lines) yield { source, line };
      else for (const line of await lastOf(lines, tail, MAX_TAIL_LENGTH)) yield { source, line };
    } catch (thrown) {
      if (signal.aborted || isKubeError(thrown, "KUBE_FORBIDDEN") || !isKubeError(thrown)) throw thrown;
      isWhole = false;
      note(`${source.node}: ${thrown.message}`);
    }
  };
  const merged = mergeSorted(sources.map(read), (a, b) => a.line.order < b.line.order);
  for await (const { source, line } of merged) print(source, line);
  return isWhole;
}

/** Returns what writes lines to standard output, each with its node as soon as there are several. */
function createPrinter(
  app: { namespace: string; name: string },
  { output, prefix = false, timestamps = false }: LogsFlags,
  sources: readonly Source[],
): (source: Source, line: OrderedLine) => void {
  const nodes = new Set(sources.map(({ node }) => node));
  return ({ node, pod }, { time, stream, message }) => {
    nodes.add(node);
    if (output === "json") {
      const { namespace, name } = app;
      return writeOut(`${JSON.stringify({ time, node, pod, namespace, app: name, stream, msg: message })}\n`);
    }
    const parts = [
      ...(prefix || nodes.size > 1 ? [`[${node}]`] : []),
      ...(timestamps ? [time] : []),
      ...(stream === undefined ? ["runtime:"] : []),
      printable(message),
    ];
    writeOut(`${parts.join(" ")}\n`);
  };
}

function note(message: string): void {
  writeErr(`${printable(message)}\n`);
}

function tooMany(count: number, most: number): WasmletError {
  return new WasmletError("CLI_USAGE", `the app runs on ${count} nodes, and ${most} logs may be read at once`, {
    fix: `Choose a node with --node, or allow more with --max-log-requests ${count}.`,
  });
}

function mayNot(cause: Error, systemNamespace: string): WasmletError {
  return new WasmletError("KUBE_FORBIDDEN", cause.message, {
    expected: `\`get\` of \`pods/log\` in the namespace ${systemNamespace}, and \`list\` and \`watch\` of \`wasmreplicas\` in the app's`,
    fix: "Ask whoever runs the cluster for these rights: the logs of all apps of a node are in one pod's.",
    cause,
  });
}

function readCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,6}$/.test(text) ? Number(text) : -1;
    if (count >= least && count <= most) return count;
    throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
  };
}
