import { isDeepStrictEqual } from "node:util";
import { expect, inject, test } from "vitest";
import { attachCluster, startCluster } from "./cluster.ts";
import { ForeignCluster } from "./foreign-cluster.ts";
import type { Cluster } from "./cluster-handle.ts";
import { takeDown } from "./down.ts";
import { readTestEnvironment } from "./environment.ts";
import { canRunCluster, type ClusterLevel } from "./requirements.ts";
import { fullClusterFolder, readState } from "./state.ts";

/**
 * Returns the full cluster that all tests of a run share: the one that `WASMLET_TEST_KUBECONFIG` names, or the one that
 * `npm run cluster -- up` started, or else one that starts now and ends with the run. It is not to be disposed of; a test
 * cleans up what it makes in it, best a namespace of its own.
 */
export async function sharedCluster(): Promise<Cluster> {
  const { kubeconfig } = readTestEnvironment();
  if (kubeconfig !== undefined) return new ForeignCluster(kubeconfig);
  if (readState(fullClusterFolder())?.isReady === true) return attachCluster();
  await startCluster({ level: "full", owner: inject("clusterOwner"), progress: say });
  return attachCluster();
}

/** Takes down the cluster that all share, if it was started for this run; the next test that asks starts it anew. */
export async function endSharedCluster(): Promise<void> {
  const folder = fullClusterFolder();
  if (isDeepStrictEqual(readState(folder)?.owner, inject("clusterOwner"))) await takeDown(folder);
}

/**
 * Adds a test that says why no cluster can be had here, where none can, and that fails under continuous integration; returns
 * whether one can: `describe.skipIf(!needCluster())`. At the level of the control plane a test starts one of its own.
 */
export function needCluster(level: ClusterLevel = "full"): boolean {
  const { kubeconfig, isCi } = readTestEnvironment();
  const possible = canRunCluster(level);
  if ((level === "full" && kubeconfig !== undefined) || possible.can) return true;
  test("a cluster is needed for the tests of this file", (context) => {
    expect(isCi, possible.why).toBe(false);
    process.stderr.write(`skipped without a cluster: ${possible.why}\n`);
    context.skip();
  });
  return false;
}

/**
 * Adds a test that says why where the cluster is one that `WASMLET_TEST_KUBECONFIG` names; returns whether a cluster can be had
 * of which everything is within reach. `what` completes "these tests …".
 */
export function needOwnCluster(what: string): boolean {
  if (readTestEnvironment().kubeconfig === undefined) return needCluster();
  test("a cluster of which everything is within reach is needed for the tests of this file", (context) => {
    process.stderr.write(`skipped on the cluster of WASMLET_TEST_KUBECONFIG: these tests ${what}\n`);
    context.skip();
  });
  return false;
}

function say(line: string): void {
  process.stderr.write(`cluster: ${line}\n`);
}
