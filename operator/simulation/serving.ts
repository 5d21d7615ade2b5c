import { isOwn } from "../apps/ownership.ts";
import { WASM_REPLICAS, type WasmAppObject } from "../objects.ts";
import type { World } from "./world.ts";

/** Returns the replicas of an app that serve, whatever anybody reports. */
export function servingReplicas(
  world: World,
  app: WasmAppObject,
): { nodeName: string; runtimeName: string; revision: string }[] {
  return world.api.list(WASM_REPLICAS).flatMap((replica) => {
    if (!isOwn(app, replica)) return [];
    const { uid = "" } = replica.metadata;
    const runtime = [...world.runtimes].find((candidate) => candidate.revisionOf(uid) !== undefined);
    const { nodeName, runtimeName } = replica.spec;
    return runtime === undefined ? [] : [{ nodeName, runtimeName, revision: runtime.revisionOf(uid)! }];
  });
}
