import { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { EPOCH_MEMORY } from "../engine/epoch.ts";
import { BEAT_FD, BEAT_MS } from "./beat.ts";
import { TurnRecord } from "./turn-record.ts";

/** What the watchdog's thread is given. */
export interface WatchdogData {
  record: SharedArrayBuffer;
  /** An i32 that grows with the event loop's turns; left out, nobody is told of beats. */
  loops?: SharedArrayBuffer;
}

/** Starts the watchdog of this process and returns the record that it watches. With `beats` it reports to the supervisor. */
export function startWatchdog({ beats }: { beats: boolean }): TurnRecord {
  const record = new TurnRecord(EPOCH_MEMORY.buffer as unknown as SharedArrayBuffer);
  const data: WatchdogData = { record: record.buffer, ...(beats && { loops: countLoops() }) };
  const worker = new Worker(new URL("watchdog-thread.ts", import.meta.url), {
    workerData: data,
    env: {},
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  worker.unref();
  return record;
}

/** Returns a number that grows as long as the event loop turns. */
function countLoops(): SharedArrayBuffer {
  // Makes the descriptor non-blocking: a supervisor that does not read must not stop the watchdog in a write.
  new Socket({ fd: BEAT_FD, readable: false }).on("error", () => {});
  const loops = new SharedArrayBuffer(4);
  const count = new Int32Array(loops);
  setInterval(() => Atomics.add(count, 0, 1), BEAT_MS).unref();
  return loops;
}
