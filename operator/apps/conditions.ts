import type { WasmAppStatus } from "../objects.ts";

/** A condition of an app, as Kubernetes knows them. */
export type Condition = NonNullable<WasmAppStatus["conditions"]>[number];

/** A condition before it is known when it began to hold. */
export type Finding = Pick<Condition, "type" | "status" | "reason" | "message">;

/** Returns conditions with their times: one whose status is as before keeps its time. */
export function timed(
  findings: readonly Finding[],
  before: readonly Condition[] = [],
  generation: number | undefined,
  nowMs: number,
): Condition[] {
  return findings.map((finding) => {
    const known = before.find(({ type }) => type === finding.type);
    return {
      ...finding,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: known?.status === finding.status ? known.lastTransitionTime : toTime(nowMs),
    };
  });
}

/** Returns a time as the API writes it: whole seconds. */
export function toTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
