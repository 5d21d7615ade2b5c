import { Worker } from "node:worker_threads";
import { EPOCH_MEMORY } from "../engine/epoch.ts";
import { TurnRecord } from "./turn-record.ts";

/** Starts the watchdog of this process and returns the record that it watches. */
export function startWatchdog(): TurnRecord {
  const record = new TurnRecord(EPOCH_MEMORY.buffer as unknown as SharedArrayBuffer);
  const worker = new Worker(new URL("watchdog-thread.ts", import.meta.url), {
    workerData: record.buffer,
    env: {},
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  worker.unref();
  return record;
}
