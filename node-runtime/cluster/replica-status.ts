import { formatSeconds } from "../../crds/wasm-replica/start-time.ts";
import { isDeepStrictEqual } from "node:util";
import type { WasmReplicaStatus } from "../../crds/wasm-replica/types.ts";
import type { AppView } from "../runtime-api.ts";
import type { Pod, ReplicaStatus } from "./replica.ts";

type Condition = NonNullable<WasmReplicaStatus["conditions"]>[number];

/** Start times vary: a change of nothing else is told when it is this much, and not more often than this. */
const START_TOLERANCE = 0.1;
const START_INTERVAL_MS = 30_000;

/** Bounds of the definition. */
const MAX_REASON = 1024;
const MAX_MESSAGE = 4096;
const MAX_PHASES = 16;

const SPOKEN = [
  "observedGeneration",
  "conditions",
  "state",
  "reason",
  "message",
  "revision",
  "podName",
  "podIP",
  "podCreated",
  "digest",
  "engine",
  "restarts",
  "exitCode",
] as const satisfies (keyof WasmReplicaStatus)[];

/** What a status is made from. */
export interface Observation {
  view: AppView;
  /** Generation of the replica that the runtime acts on, and the revision that it asks for. */
  generation: number;
  wanted: string;
  pod: Pod;
  /** What was reported last: times of transitions that did not happen again are kept. */
  said: ReplicaStatus;
  now: Date;
}

/** Returns what a node runtime reports of a replica. */
export function buildReplicaStatus({ view, generation, wanted, pod, said, now }: Observation): WasmReplicaStatus {
  const { state, revision, digest, engine, restarts, exitCode, startP50Seconds } = view;
  const reason = view.reason?.slice(0, MAX_REASON);
  const message = view.message?.slice(0, MAX_MESSAGE);
  const phases = Object.entries(view.startPhases).slice(0, MAX_PHASES);
  return {
    observedGeneration: generation,
    conditions: conditionsOf(view, wanted).map(({ type, status, reason, message }) => ({
      type,
      status,
      reason,
      message,
      observedGeneration: generation,
      lastTransitionTime: transitionTime({ type, status }, said, now),
    })),
    state,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    ...(revision !== undefined && { revision }),
    podName: pod.name,
    ...(pod.ip !== undefined && { podIP: pod.ip }),
    podCreated: pod.created,
    ...(digest !== undefined && { digest }),
    ...(engine !== undefined && { engine }),
    ...(phases.length > 0 && {
      startPhases: Object.fromEntries(phases.map(([phase, seconds]) => [phase, formatSeconds(seconds)])),
    }),
    ...(startP50Seconds !== undefined && { startP50: formatSeconds(startP50Seconds) }),
    restarts,
    ...(exitCode !== undefined && { exitCode: Math.max(-1, exitCode) }),
  };
}

/** Returns what is reported of a replica of which nothing runs, as was asked for. */
export function buildSuspendedStatus({
  generation,
  pod,
  said,
  now,
}: Pick<Observation, "generation" | "pod" | "said" | "now">): WasmReplicaStatus {
  const ready = { type: "Ready", status: "False", reason: "Suspended" } as const;
  return {
    observedGeneration: generation,
    conditions: [
      {
        ...ready,
        message: "nothing of it runs, until every node has stopped the revision before",
        observedGeneration: generation,
        lastTransitionTime: transitionTime(ready, said, now),
      },
    ],
    state: "Suspended",
    podName: pod.name,
    ...(pod.ip !== undefined && { podIP: pod.ip }),
    podCreated: pod.created,
  };
}

/** Whether a status says something that the one before did not; `ageMs` is how long ago that was written. */
export function isWorthWriting(said: ReplicaStatus | undefined, next: WasmReplicaStatus, ageMs: number): boolean {
  if (said === undefined) return true;
  if (SPOKEN.some((field) => !isDeepStrictEqual(said[field], next[field]))) return true;
  return ageMs >= START_INTERVAL_MS && startHasMoved(said, next);
}

function startHasMoved(said: ReplicaStatus, next: WasmReplicaStatus): boolean {
  const [before, now] = [said.startPhases ?? {}, next.startPhases ?? {}];
  const phases = new Set([...Object.keys(before), ...Object.keys(now)]);
  return hasMoved(said.startP50, next.startP50) || [...phases].some((phase) => hasMoved(before[phase], now[phase]));
}

function hasMoved(before: string | undefined, now: string | undefined): boolean {
  if (before === undefined || now === undefined) return before !== now;
  const [old, current] = [secondsOf(before), secondsOf(now)];
  return Math.abs(current - old) > START_TOLERANCE * Math.max(old, current);
}

function secondsOf(text: string): number {
  const value = Number.parseFloat(text);
  return text.endsWith("ms") ? value / 1000 : value;
}

/** The app's own conditions, and `Updated` while an older revision serves. */
function conditionsOf(view: AppView, wanted: string): Omit<Condition, "lastTransitionTime">[] {
  const own = view.conditions.map(({ type, status, reason, message }) => ({ type, status, reason, message }));
  if (view.revision === undefined || view.revision === wanted) return own;
  const reason = (view.reason ?? "Progressing").slice(0, MAX_REASON);
  const message = (view.message ?? `revision ${wanted} is being prepared; ${view.revision} serves`).slice(
    0,
    MAX_MESSAGE,
  );
  return [...own, { type: "Updated", status: "False", reason, message }];
}

function transitionTime(condition: Pick<Condition, "type" | "status">, said: ReplicaStatus, now: Date): string {
  const before = said.conditions?.find(({ type }) => type === condition.type);
  return before?.status === condition.status ? before.lastTransitionTime : now.toISOString();
}
