import type { WasmReplicaStatus } from "../../crds/wasm-replica/types.ts";
import type { Pod, ReplicaStatus } from "./replica.ts";

/*
 * Two pods of one node run the same apps while the DaemonSet rolls. Each replica has one status, and so one of them
 * speaks of it:
 *
 *     nobody, or I myself, spoke last                 → report
 *     a newer pod spoke last                          → yield: it has taken over
 *     an older pod spoke last, the app is not ready   → report: nothing is lost
 *     an older pod spoke last, the app is ready in it → report once I am ready too and run what it runs, or what is
 *                                                       asked for; until then hold
 *
 * When the pod that spoke last is gone, the operator removes its name.
 */

/** What a pod does about the status of a replica. */
export type Turn = "report" | "hold" | "yield";

type ReplicaState = WasmReplicaStatus["state"];

const READY: ReadonlySet<string> = new Set(["Ready", "Running", "Completed"]);

/** Returns whether this pod reports a replica whose status is `said`; `wanted` is the revision that is asked for. */
export function turnOf(
  said: ReplicaStatus,
  me: Pod,
  view: { state: ReplicaState; revision?: string | undefined },
  wanted: string | undefined,
): Turn {
  if (said.podName === undefined || said.podName === me.name) return "report";
  if (isNewer({ name: said.podName, created: said.podCreated ?? "" }, me)) return "yield";
  if (!READY.has(said.state ?? "")) return "report";
  const runsAsMuch = view.revision === wanted || view.revision === said.revision;
  return READY.has(view.state) && runsAsMuch ? "report" : "hold";
}

/** Whether one pod was created after another; names decide where the second is the same. */
export function isNewer(pod: Pod, other: Pod): boolean {
  const [a, b] = [Date.parse(pod.created), Date.parse(other.created)];
  if (Number.isNaN(a) || Number.isNaN(b)) return !Number.isNaN(a);
  return a === b ? pod.name > other.name : a > b;
}
