import type { AppView } from "../../node-runtime/runtime-api.ts";
import type { Probe } from "./probe.ts";

/** Where each app stands: it answered, it failed and why, or it is still awaited. */
export interface Readiness {
  answered: Set<string>;
  /** Why an app has not answered: final in `failed`, the latest in `waiting`. */
  failed: Map<string, string>;
  waiting: Map<string, string>;
}

/** What waiting needs from outside. */
export interface ReadinessOptions {
  /** `namespace/name` of every app that has to answer. */
  expected: readonly string[];
  apps: () => readonly AppView[];
  probe: Probe;
  /** Milliseconds of a clock that only goes forward. */
  now: () => number;
  /** Resolves after a moment, or earlier when something changed. */
  pause: () => Promise<void>;
  timeoutMs: number;
  onProgress: (readiness: Readiness) => void;
  signal: AbortSignal;
}

/** Resolves when every expected app has answered, completed or failed, when the time is over, or when aborted. */
export async function awaitReady(options: ReadinessOptions): Promise<Readiness> {
  const { expected, apps, probe, now, pause, timeoutMs, onProgress, signal } = options;
  const deadline = now() + timeoutMs;
  const readiness: Readiness = { answered: new Set(), failed: new Map(), waiting: new Map() };
  for (;;) {
    const views = new Map(apps().map((view) => [`${view.namespace}/${view.name}`, view]));
    const open = expected.filter((id) => !readiness.answered.has(id));
    await Promise.all(open.map((id) => judge(id, views.get(id), probe, readiness)));
    onProgress(readiness);
    if (readiness.waiting.size === 0 || signal.aborted || now() >= deadline) return readiness;
    await pause();
  }
}

async function judge(id: string, app: AppView | undefined, probe: Probe, readiness: Readiness): Promise<void> {
  const { answered, failed, waiting } = readiness;
  const failure = app === undefined ? undefined : failureOf(app);
  const obstacle = failure ?? (await obstacleOf(app, probe));
  failed.delete(id);
  waiting.delete(id);
  if (failure !== undefined) failed.set(id, failure);
  else if (obstacle !== undefined) waiting.set(id, obstacle);
  else answered.add(id);
}

/** Why the app will not answer any more, if so. */
function failureOf({ state, reason, message, exitCode }: AppView): string | undefined {
  if (state === "Failed") return [reason, message].filter((part) => part !== undefined).join(": ") || state;
  return state === "Completed" && exitCode !== undefined && exitCode !== 0 ? `exit code ${exitCode}` : undefined;
}

/** Why the app has not answered yet; nothing when it has. */
async function obstacleOf(app: AppView | undefined, probe: Probe): Promise<string | undefined> {
  if (app === undefined) return "Pending";
  const { kind, state, reason, urls } = app;
  if (kind === "command") return state === "Completed" ? undefined : (reason ?? state);
  const [url] = urls;
  return state === "Ready" && url !== undefined ? probe(url) : (reason ?? state);
}
