import { rmSync } from "node:fs";
import { BRIDGE, cgroupOf, NODES } from "./addresses.ts";
import { removeCgroup } from "./cgroups.ts";
import { ClusterError } from "./errors.ts";
import { removeNetwork, restoreSysctls } from "./network.ts";
import { endProcessesOf, waitFor } from "./processes.ts";
import { fullClusterFolder, readState } from "./state.ts";
import { clusterTraces } from "./traces.ts";

/**
 * Takes a cluster down and leaves nothing of it, in whatever state it is: mounts, pods and their networks go with the first
 * process of their node, the rest is removed by name. Throws CLUSTER_TRACES_LEFT.
 */
export async function takeDown(folder: string): Promise<void> {
  const state = readState(folder);
  await endProcessesOf(folder);
  if (folder === fullClusterFolder()) {
    await removeNetwork();
    if (state !== undefined) restoreSysctls(state.sysctls);
    await waitFor("cgroups without processes", () => NODES.every(({ name }) => removeCgroup(cgroupOf(name))), {
      timeoutMs: 10_000,
    });
  }
  rmSync(folder, { recursive: true, force: true });
  const traces = clusterTraces(folder);
  if (traces.length === 0) return;
  const message = `left of the cluster: ${traces.join(", ")}`;
  throw new ClusterError("CLUSTER_TRACES_LEFT", message, `Look at what holds it (the bridge is ${BRIDGE}); try again.`);
}
