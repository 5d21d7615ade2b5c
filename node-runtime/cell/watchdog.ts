import { Worker } from "node:worker_threads";
import { TurnRecord } from "./turn-record.ts";

/** Starts the watchdog of this process and returns the record that it watches. */
export function startWatchdog(): TurnRecord {
  const record = new TurnRecord();
  const worker = new Worker(new URL("watchdog-thread.ts", import.meta.url), {
    workerData: record.buffer,
    env: {},
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  worker.unref();
  return record;
}
