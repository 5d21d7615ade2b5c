import { WasmletError } from "../common/errors.ts";
import type { Timing } from "../common/timing.ts";
import { WorkQueue, type WorkResult } from "../kube/work-queue.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { OperatorLog } from "./operator-api.ts";

/** A controller: a queue of names, and what is done for each. */
export interface ControllerOptions {
  /** A label of its metrics. */
  name: string;
  /** Objects that are worked on at the same time. */
  concurrency: number;
  reconcile: (key: string, signal: AbortSignal) => Promise<WorkResult>;
  metrics: OperatorMetrics;
  log: OperatorLog;
  timing: Timing;
}

/** Failures in a row after which people should know; before that, they are the ordinary course of things. */
const LOGGED_FAILURES = 3;

/** Returns the queue of a controller, its failures counted and logged. */
export function createQueue({ name, concurrency, reconcile, metrics, log, timing }: ControllerOptions): WorkQueue {
  return new WorkQueue({
    concurrency,
    timing,
    run: reconcile,
    onRun: (_key, _isSuccess, durationMs, waitedMs) => {
      metrics.reconciles.observe({ controller: name }, durationMs / 1000);
      metrics.queueWait.observe({ controller: name }, waitedMs / 1000);
    },
    onError: (key, thrown, failures, retryAfterMs) => {
      const code = thrown instanceof WasmletError ? thrown.code : "UNEXPECTED";
      metrics.reconcileErrors.inc({ controller: name, code });
      const fields = { controller: name, object: key, code, failures, retryAfterMs: Math.round(retryAfterMs) };
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      if (failures !== LOGGED_FAILURES) return;
      if (code === "UNEXPECTED") log.error(message, { ...fields, stack: (thrown as Error | undefined)?.stack });
      else log.warn(message, fields);
    },
  });
}
