import type { WasmReplica } from "../objects.ts";

/** States in which an app does what it is for. */
const FINE = new Set(["Ready", "Running", "Completed"]);
const FAILING = new Set(["BackOff", "Failed"]);

/** Returns whether the node reports that the app serves, runs or is done, in whatever revision. */
export function isReportedServing({ status }: WasmReplica): boolean {
  return status !== undefined && FINE.has(status.state);
}

/** Returns whether the same holds, and the app is not just being stopped. */
export function isServing(replica: WasmReplica): boolean {
  return replica.spec.suspend !== true && isReportedServing(replica);
}

/** Returns whether the node reports that requests are answered: a command that runs, or ran before this app was for http, answers none. */
export function isListening({ spec, status }: WasmReplica): boolean {
  return spec.suspend !== true && status?.state === "Ready";
}

/** Returns whether what the spec asks for now serves, runs or is done. */
export function isUpToDate(replica: WasmReplica): boolean {
  return isServing(replica) && replica.status?.revision === replica.spec.revision;
}

/** Returns whether the node reports that nothing runs, and that what was tried failed. */
export function isFailing({ spec, status }: WasmReplica): boolean {
  return spec.suspend !== true && status !== undefined && FAILING.has(status.state);
}

/** Returns whether requests are answered by what is asked for, or by what served before and serves until that is up. */
export function needsPort({ template, previous }: Pick<WasmReplica["spec"], "template" | "previous">): boolean {
  return template.trigger.http !== undefined || previous?.template.trigger.http !== undefined;
}
