import type { WasmReplica } from "../objects.ts";

/** States in which an app does what it is for. */
const FINE = new Set(["Ready", "Running", "Completed"]);

/** Returns whether the node reports that the app serves, runs or is done, in whatever revision. */
export function isServing({ status }: WasmReplica): boolean {
  return status !== undefined && FINE.has(status.state);
}

/** Returns whether the node reports that requests are answered: a command that runs, or ran before this app was for http, answers none. */
export function isListening({ status }: WasmReplica): boolean {
  return status?.state === "Ready";
}

/** Returns whether what the spec asks for now serves, runs or is done. */
export function isUpToDate(replica: WasmReplica): boolean {
  return isServing(replica) && replica.status?.revision === replica.spec.revision;
}
