import { existsSync, readdirSync, readFileSync } from "node:fs";
import { BRIDGE, cgroupOf, NODES } from "./addresses.ts";
import { cgroupFolders } from "./cgroups.ts";
import { nftTables, readSysctls } from "./network.ts";
import { processesOf, run } from "./processes.ts";
import { fullClusterFolder } from "./state.ts";

/** Folders that daemons of a cluster would make if they were let. */
const FOLDERS = ["/run", "/run/netns", "/var/lib", "/var/log", "/var/log/pods", "/etc", "/etc/cni", "/opt", "/opt/bin"];

/** Everything of a machine that a cluster could leave changed, as lists to compare. */
export interface MachineState {
  mounts: string[];
  links: string[];
  routes: string[];
  nftTables: string[];
  cgroups: string[];
  folders: string[];
  sysctls: Record<string, string>;
}

/** Returns what is still there of a cluster. */
export function clusterTraces(folder: string): string[] {
  const traces = processesOf(folder).map((pid) => `process ${pid}`);
  if (existsSync(folder)) traces.push(folder);
  if (readFileSync("/proc/self/mounts", "utf8").includes(folder)) traces.push(`mounts in ${folder}`);
  if (folder !== fullClusterFolder()) return traces;
  traces.push(...NODES.flatMap(({ name }) => cgroupFolders(cgroupOf(name))));
  for (const link of [BRIDGE, ...NODES.flatMap(({ cable }) => cable ?? [])]) {
    if (existsSync(`/sys/class/net/${link}`)) traces.push(`network device ${link}`);
  }
  return traces;
}

/** Returns what a cluster could change of this machine, as it is now. */
export async function machineState(): Promise<MachineState> {
  const cgroups = readdirSync("/sys/fs/cgroup").flatMap((hierarchy) => listFolder(`/sys/fs/cgroup/${hierarchy}`));
  const { stdout: routes } = await run("ip", ["route", "show", "table", "all"]);
  return {
    mounts: readFileSync("/proc/self/mounts", "utf8").split("\n").toSorted(),
    links: readdirSync("/sys/class/net").toSorted(),
    routes: routes
      .split("\n")
      .map((line) => line.trim())
      .toSorted(),
    nftTables: await nftTables(),
    cgroups,
    folders: FOLDERS.flatMap(listFolder),
    sysctls: readSysctls(),
  };
}

function listFolder(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? [`${folder}/${entry.name}`] : [])).toSorted();
  } catch {
    return []; // it is not there, or no folder
  }
}
