import { Command, CommanderError } from "commander";
import { outputOption } from "../../cli/options.ts";
import { formatJson, formatSeconds, printable, writeErr, writeOut } from "../../cli/output.ts";
import { messageOf } from "../../common/errors.ts";
import { missingBinaries, binFolder, PROGRAMS_OF_LEVEL } from "./binaries.ts";
import { buildBinaries } from "./build.ts";
import { startCluster } from "./cluster.ts";
import { takeDown } from "./down.ts";
import { ClusterError } from "./errors.ts";
import { isAlive } from "../served-runtime.ts";
import { canRunCluster, needs, type ClusterLevel } from "./requirements.ts";
import { fullClusterFolder, isForsaken, recordedClusters, type RecordedCluster } from "./state.ts";
import { clusterTraces } from "./traces.ts";

/*
 * `npm run cluster -- build|up|down|status`: a real Kubernetes of two nodes on this machine, for tests and for trying things
 * out. docs/test-cluster.md says what it needs.
 */

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function buildProgram(): Command {
  const program = new Command("npm run cluster --").description(
    "A real Kubernetes of two nodes on this machine, without a container engine or a registry.",
  );
  program.exitOverride().showHelpAfterError("See --help.");
  program
    .command("build")
    .description("build its programs from the Go module proxy, once per set of versions")
    .option("--control-plane-only", "only what the API alone needs")
    .action(async (options: LevelFlags) => build(levelOf(options)));
  program
    .command("up")
    .description("start it, building what is missing")
    .option("--control-plane-only", "the API alone, without nodes: any user, several beside each other")
    .option("--controller-manager", "with --control-plane-only: the controller manager too")
    .addOption(outputOption("text", "json"))
    .action(up);
  program
    .command("down")
    .description("take down what `up` started and what ended tests have left, without a trace")
    .argument("[folder]", "only the cluster in this folder")
    .option("--force", "also while a test uses it")
    .action(down);
  program
    .command("status")
    .description("what is up, and whether it could be; ends with 1 where no cluster is up")
    .addOption(outputOption("text", "json"))
    .action(status);
  return program;
}

interface LevelFlags {
  controlPlaneOnly?: boolean;
  controllerManager?: boolean;
  output?: "text" | "json";
}

async function build(level: ClusterLevel): Promise<void> {
  await buildBinaries(PROGRAMS_OF_LEVEL[level], say);
  writeOut(`${binFolder()}\n`);
}

async function up(options: LevelFlags): Promise<void> {
  const level = levelOf(options);
  // Before ten minutes of building.
  if (level === "full") needs("linux", "root", "overlay", "nft", "ip", "nsenter", "busybox");
  await buildBinaries(PROGRAMS_OF_LEVEL[level], say);
  const begin = performance.now();
  const { controllerManager = false } = options;
  const cluster = await startCluster({ level, controllerManager, owner: null, progress: say });
  const { folder, server, kubeconfig } = cluster;
  const seconds = (performance.now() - begin) / 1000;
  const nodes = cluster.nodes.map(({ name, address }) => ({ name, address }));
  if (options.output === "json") return writeOut(formatJson({ level, folder, server, kubeconfig, nodes, seconds }));
  writeOut(
    [
      `up in ${formatSeconds(seconds)}: ${server}${nodes.map(({ name, address }) => `, ${name} at ${address}`).join("")}`,
      `  export KUBECONFIG=${kubeconfig} PATH=${binFolder()}:$PATH`,
      `  npm run cluster -- down${level === "full" ? "" : ` ${folder ?? ""}`}`,
      "",
    ].join("\n"),
  );
}

async function down(folder: string | undefined, { force = false }: { force?: boolean }): Promise<void> {
  const clusters = recordedClusters();
  const full = fullClusterFolder();
  // Its folder may be gone while the rest is there.
  if (!clusters.some((cluster) => cluster.folder === full) && clusterTraces(full).length > 0) {
    clusters.push({ folder: full, state: undefined });
  }
  const wanted = clusters.filter((cluster) => folder === undefined || cluster.folder === folder);
  if (folder !== undefined && wanted.length === 0) {
    throw new ClusterError("CLUSTER_NOT_UP", `no cluster is up in ${folder}`, "`status` lists them.");
  }
  for (const cluster of wanted) {
    const user = userOf(cluster);
    if (user !== undefined && !force) {
      // The API of somebody's test is not what is meant.
      if (folder === undefined && cluster.state?.level === "control-plane") continue;
      const message = `the cluster in ${cluster.folder} is used by process ${user}`;
      throw new ClusterError("CLUSTER_IN_USE", message, "Wait for it, or use --force.");
    }
    await takeDown(cluster.folder);
    say(`took down ${cluster.folder}`);
  }
}

function status({ output }: LevelFlags): void {
  const clusters = recordedClusters().map((cluster) => {
    const { folder, state } = cluster;
    const daemons = Object.entries(state?.daemons ?? {}).map(([name, pid]) => ({ name, pid, isAlive: isAlive(pid) }));
    const { level, server, isReady = false } = state ?? {};
    return {
      folder,
      level,
      server,
      isReady,
      usedBy: userOf(cluster),
      kubeconfig: `${folder}/admin.kubeconfig`,
      daemons,
    };
  });
  const missing = missingBinaries(PROGRAMS_OF_LEVEL.full);
  const possible = canRunCluster();
  if (clusters.length === 0) process.exitCode = EXIT_FAILED;
  if (output === "json") return writeOut(formatJson({ clusters, bin: binFolder(), missing, canRun: possible }));
  for (const { folder, level = "left", server = "", isReady, usedBy, daemons } of clusters) {
    const dead = daemons.filter(({ isAlive }) => !isAlive).map(({ name }) => name);
    const state = isReady ? (dead.length === 0 ? "up" : `up without ${dead.join(", ")}`) : "not up";
    writeOut(
      `${level}: ${state}, ${server} in ${folder}${usedBy === undefined ? "" : `, used by process ${usedBy}`}\n`,
    );
  }
  if (clusters.length === 0) writeOut("no cluster is up\n");
  if (!possible.can) writeOut(`a full cluster cannot be started: ${possible.why}\n`);
}

function userOf(cluster: RecordedCluster): number | undefined {
  return isForsaken(cluster) ? undefined : cluster.state?.owner?.pid;
}

function levelOf({ controlPlaneOnly = false }: LevelFlags): ClusterLevel {
  return controlPlaneOnly ? "control-plane" : "full";
}

function say(line: string): void {
  writeErr(`${line}\n`);
}

try {
  await buildProgram().parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : EXIT_USAGE;
  else {
    const { code, fix } = thrown instanceof ClusterError ? thrown : { code: undefined, fix: undefined };
    const text = `error: ${code === undefined ? "" : `${code}: `}${messageOf(thrown)}\n`;
    writeErr(text.split("\n").map(printable).join("\n"));
    if (fix !== undefined) writeErr(`  fix: ${fix}\n`);
    else if (thrown instanceof Error) writeErr(`${thrown.stack ?? ""}\n`);
    process.exitCode = EXIT_FAILED;
  }
}
