import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/*
 * A node's folder in the hierarchies of cgroups: one folder in the one hierarchy of version 2, or one in each of version 1.
 */

const ROOT = "/sys/fs/cgroup";
/** What a new folder of version 1 does not inherit and without which it accepts no process. */
const CPUSET_FILES = ["cpuset.cpus", "cpuset.mems"];
const CONTROLLERS = "+cpuset +cpu +memory +pids";

/** Makes a folder, as `/wasmlet-node1`, in every hierarchy. */
export function makeCgroup(path: string): void {
  if (isUnified()) writeFileSync(join(ROOT, "cgroup.subtree_control"), CONTROLLERS);
  for (const hierarchy of hierarchies()) {
    const folder = join(hierarchy, path);
    mkdirSync(folder, { recursive: true });
    for (const file of CPUSET_FILES) {
      if (existsSync(join(hierarchy, file)) && !isUnified()) {
        writeFileSync(join(folder, file), readFileSync(join(hierarchy, file)));
      }
    }
  }
}

/** Removes a folder and all within from every hierarchy; false while processes are still there. */
export function removeCgroup(path: string): boolean {
  return hierarchies()
    .map((hierarchy) => removeFolder(join(hierarchy, path)))
    .every((isGone) => isGone);
}

/** Returns the folders of a name in all hierarchies. */
export function cgroupFolders(path: string): string[] {
  return hierarchies()
    .map((hierarchy) => join(hierarchy, path))
    .filter((folder) => existsSync(folder));
}

function isUnified(): boolean {
  return existsSync(join(ROOT, "cgroup.controllers"));
}

function hierarchies(): string[] {
  if (isUnified()) return [ROOT];
  // Some names are links to the hierarchy of several controllers.
  const entries = readdirSync(ROOT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

/** The files in a cgroup's folder go with it; only folders must be removed before. */
function removeFolder(folder: string): boolean {
  if (!existsSync(folder)) return true;
  const inner = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const areGone = inner.map(({ name }) => removeFolder(join(folder, name))).every((isGone) => isGone);
  try {
    rmdirSync(folder);
    return areGone;
  } catch {
    return false; // a process is in it still
  }
}
