import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlPlanePorts } from "./component-config.ts";
import { ClusterError } from "./errors.ts";
import type { ClusterLevel } from "./requirements.ts";

/*
 * What is recorded of a cluster: a folder with everything of it, and state.json therein. A full cluster has a folder that is
 * always the same, since a machine holds only one; others have folders of their own.
 */

const PREFIX = "wasmlet-cluster-";
const RECORDING_MS = 10_000;

/** What must be known to take a cluster down, or to use one that another process started. */
export interface ClusterState {
  level: ClusterLevel;
  /** The process whose end is the cluster's end; none where it was started on the command line and stays. */
  owner: ProcessId | undefined;
  isReady: boolean;
  ports: ControlPlanePorts;
  server: string;
  /** The ids of its daemons by their names. */
  daemons: Record<string, number>;
  /** Settings of the kernel as they were before. */
  sysctls: Record<string, string>;
}

/** A process, told apart from a later one of the same id. */
export interface ProcessId {
  pid: number;
  startedAt: string;
}

/** A cluster that was recorded. */
export interface RecordedCluster {
  folder: string;
  /** Undefined where it was left before anything was recorded. */
  state: ClusterState | undefined;
}

/** The folder of this machine's full cluster. */
export function fullClusterFolder(): string {
  return join(tmpdir(), `${PREFIX}full`);
}

/** Makes the folder of a new cluster. Throws CLUSTER_ALREADY_UP where the one full cluster has it. */
export function makeClusterFolder(level: ClusterLevel): string {
  if (level !== "full") return mkdtempSync(join(tmpdir(), PREFIX));
  const folder = fullClusterFolder();
  try {
    mkdirSync(folder, { mode: 0o755 });
    return folder;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
    const message = `a full cluster is up already, in ${folder}`;
    throw new ClusterError("CLUSTER_ALREADY_UP", message, "Use it, or run `npm run cluster -- down` first.", thrown);
  }
}

/** Returns all clusters of this machine and user. */
export function recordedClusters(): RecordedCluster[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(tmpdir(), name))
    .map((folder) => ({ folder, state: readState(folder) }));
}

/** Returns what is recorded of the cluster in `folder`. */
export function readState(folder: string): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "state.json"), "utf8")) as ClusterState;
  } catch {
    return undefined;
  }
}

/** Records a cluster; whoever reads meanwhile sees it as it was before or as it is. */
export function writeState(folder: string, state: ClusterState): void {
  const file = join(folder, "state.json");
  writeFileSync(`${file}.tmp`, JSON.stringify(state, null, 2));
  renameSync(`${file}.tmp`, file);
}

/** Returns this process, or another. */
export function processId(pid = process.pid): ProcessId {
  return { pid, startedAt: startOf(pid) ?? "" };
}

/** Whether a cluster's process has ended without taking it down. */
export function isForsaken({ folder, state }: RecordedCluster): boolean {
  // Between the folder and what is first recorded in it is an instant.
  if (state === undefined) return ageMs(folder) > RECORDING_MS;
  const { owner } = state;
  return owner !== undefined && startOf(owner.pid) !== owner.startedAt;
}

/** When a process started, in clock ticks since the boot (proc_pid_stat(5), field 22); undefined when it is gone. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function ageMs(folder: string): number {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
}
