import { isDeepStrictEqual } from "node:util";
import type { TestProject } from "vitest/node";
import { takeDownForsaken } from "./cluster.ts";
import { takeDown } from "./down.ts";
import { canRunCluster } from "./requirements.ts";
import { fullClusterFolder, processId, readState, type ProcessId } from "./state.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The process that owns the cluster of this run: it lives as long as all tests. */
    clusterOwner: ProcessId;
  }
}

/** Before the tests of a run: forgets what earlier ones left. After them: takes down the cluster if one of them started it. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const owner = processId();
  project.provide("clusterOwner", owner);
  if (canRunCluster().can) await takeDownForsaken();
  return async () => {
    const folder = fullClusterFolder();
    if (isDeepStrictEqual(readState(folder)?.owner, owner)) await takeDown(folder);
  };
}
