import type { WasmReplicaStatus } from "../../crds/wasm-replica/types.ts";
import { WASM_REPLICAS, type WasmReplica } from "../objects.ts";
import type { Write } from "../writer.ts";
import { changeReplicas } from "./former-pools.ts";
import type { ObservedApp } from "./observed.ts";

/*
 * A pod that is gone cannot take back what it reported. Until somebody does, its successor on the node leaves a report alone
 * that says that the app is ready: it could be of a pod that still serves.
 */

/** Returns what is known of an app without what pods reported that are gone, and the writes that take it back. */
export function releaseReports(observed: ObservedApp): { observed: ObservedApp; writes: Write[] } {
  const writes: Write[] = [];
  const release = (replica: WasmReplica): WasmReplica => {
    const { podName } = replica.status ?? {};
    if (podName === undefined || !observed.isGone(podName)) return replica;
    const object = released(replica, podName);
    writes.push({ kind: "status", resource: WASM_REPLICAS, object });
    return object;
  };
  return { observed: changeReplicas(observed, release), writes };
}

function released(replica: WasmReplica, podName: string): WasmReplica {
  const { podName: _name, podIP: _ip, podCreated: _created, conditions = [], ...kept } = replica.status!;
  const message = `the pod ${podName} that reported it is gone`;
  const ready = conditions.find(({ type }) => type === "Ready");
  const others = conditions.filter((condition) => condition !== ready);
  const unknown = { status: "Unknown", reason: "PodGone", message } as const;
  const status: WasmReplicaStatus = {
    ...kept,
    state: "Pending",
    reason: "PodGone",
    message,
    conditions: ready === undefined ? others : [...others, Object.assign({}, ready, unknown)],
  };
  return { ...replica, status };
}
