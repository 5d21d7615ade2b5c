import { WasmletError } from "../../common/errors.ts";
import { APP_LABEL } from "../../crds/wasm-replica/types.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { ObjectRef } from "../../kube/objects.ts";
import { WASM_APPS, WASM_REPLICAS, type WasmAppObject, type WasmReplica } from "../../operator/objects.ts";

/** Returns an app; throws APP_NOT_FOUND. */
export async function getApp(client: KubeClient, ref: ObjectRef & { namespace: string }): Promise<WasmAppObject> {
  const app = await client.get(WASM_APPS, ref);
  if (app !== undefined) return app;
  throw new WasmletError("APP_NOT_FOUND", `there is no WasmApp ${ref.name} in the namespace ${ref.namespace}`, {
    fix: "See `kubectl wasmlet get -A` for those that there are.",
  });
}

/** Returns the replicas of an app, by the names of their nodes. */
export async function listReplicas(
  client: KubeClient,
  { namespace, name }: ObjectRef & { namespace: string },
): Promise<WasmReplica[]> {
  const { items } = await client.list(WASM_REPLICAS, { namespace, labelSelector: `${APP_LABEL}=${name}` });
  return items.toSorted(byNode);
}

/** Orders replicas by their nodes. */
function byNode(a: WasmReplica, b: WasmReplica): number {
  return a.spec.nodeName < b.spec.nodeName ? -1 : 1;
}

/** Returns the condition of a type. */
export function conditionOf(
  { status }: WasmAppObject,
  type: string,
): NonNullable<NonNullable<WasmAppObject["status"]>["conditions"]>[number] | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
