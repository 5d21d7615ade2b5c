import type { AppTemplate, WasmReplicaSpec } from "../../crds/wasm-replica/types.ts";
import type { AppView } from "../runtime-api.ts";
import type { Pod, ReplicaStatus } from "./replica.ts";

/*
 * Which template of a replica runs. While a rollout is under way there are two: `spec.template` is asked for, and
 * `spec.previous` served before.
 *
 *     something runs already              → current: the runtime swaps when it is ready, and keeps the old until then
 *     nothing runs, at first              → previous
 *     nothing runs, and what is tried has
 *     been failing for a while            → the other one, and so on, ever more slowly
 */

export type Stage = "previous" | "current";

/** What was tried of a replica while nothing of it ran. */
export interface Tried {
  stage: Stage;
  sinceMs: number;
  /** How often the other one had its turn. */
  turns: number;
}

/** How long something may fail before the other one has its turn, the first time. */
const FIRST_TURN_MS = 5000;
const MAX_TURN_MS = 300_000;

const FAILING: ReadonlySet<string> = new Set(["Failed", "BackOff"]);

/** Returns what to try now; the very same object as long as nothing changes. */
export function nextTry(
  spec: Pick<WasmReplicaSpec, "previous">,
  view: Pick<AppView, "state" | "revision"> | undefined,
  tried: Tried | undefined,
  nowMs: number,
): Tried {
  if (spec.previous === undefined || isOneShot(spec.previous.template) || view?.revision !== undefined) {
    return tried?.stage === "current" ? tried : { stage: "current", sinceMs: nowMs, turns: tried?.turns ?? 0 };
  }
  if (tried === undefined) return { stage: "previous", sinceMs: nowMs, turns: 0 };
  const hasHadItsTurn = nowMs - tried.sinceMs >= Math.min(MAX_TURN_MS, FIRST_TURN_MS * 2 ** tried.turns);
  if (view === undefined || !FAILING.has(view.state) || !hasHadItsTurn) return tried;
  return { stage: tried.stage === "current" ? "previous" : "current", sinceMs: nowMs, turns: tried.turns + 1 };
}

/**
 * Why a command that this runtime has not run is left alone: it ran to its end here before, or an older pod of this node
 * still runs it. Returns undefined for one that is to be run.
 */
export function reasonNotToRun(
  { template, revision }: Pick<WasmReplicaSpec, "template" | "revision">,
  said: ReplicaStatus,
  me: Pick<Pod, "name">,
): "over" | "elsewhere" | undefined {
  const { command } = template.trigger;
  if (command === undefined) return undefined;
  if (said.revision === revision && isOver(command.restartPolicy, said)) return "over";
  const runsElsewhere = said.podName !== undefined && said.podName !== me.name;
  return runsElsewhere && (said.state === "Running" || said.state === "BackOff") ? "elsewhere" : undefined;
}

function isOver(restartPolicy: "Always" | "OnFailure" | "Never", { state, exitCode }: ReplicaStatus): boolean {
  if (state === "Completed") return restartPolicy !== "Always";
  // Without an exit code it failed before it ran.
  return state === "Failed" && exitCode !== undefined && restartPolicy === "Never";
}

/** A command that ends is not to be run once more because a node runtime starts anew. */
function isOneShot({ trigger: { command } }: AppTemplate): boolean {
  return command !== undefined && command.restartPolicy !== "Always";
}
