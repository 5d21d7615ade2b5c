import { RESTARTED_AT } from "../../../operator/apps/template.ts";
import type { WasmAppObject } from "../../../operator/objects.ts";
import { conditionOf } from "../apps.ts";

/** How a rollout stands. */
export interface Progress {
  state: "waiting" | "done" | "failed";
  message: string;
}

/**
 * Returns how the rollout of an app stands. A restart changes no generation: until the operator has seen it, the status
 * speaks of the time before; `trustsStatus` takes it as it is.
 */
export function progressOf(app: WasmAppObject, { trustsStatus = false } = {}): Progress {
  const { metadata, status } = app;
  const { generation = 0, annotations = {} } = metadata;
  const progressing = conditionOf(app, "Progressing");
  if (progressing === undefined || (status?.observedGeneration ?? 0) < generation) {
    return { state: "waiting", message: "waits for the operator to see the change" };
  }
  const restartedAt = Date.parse(annotations[RESTARTED_AT] ?? "");
  if (!trustsStatus && restartedAt > Date.parse(status?.lastProgressTime ?? "")) {
    return { state: "waiting", message: "waits for the operator to see the restart" };
  }
  const { status: isUnderWay, reason, message } = progressing;
  if (isUnderWay !== "False") return { state: "waiting", message };
  if (reason === "UpToDate") return { state: "done", message };
  return { state: "failed", message: `${reason}: ${message}` };
}
