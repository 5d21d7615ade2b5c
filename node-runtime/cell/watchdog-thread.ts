/**
 * The thread beside a cell's one JavaScript thread: it sees what that thread cannot while a guest computes. A guest that
 * goes on past its deadline is stopped at its next epoch check; one without checks takes the process with it. So does a supervisor that is gone.
 */
import { workerData } from "node:worker_threads";
import { WatchedSlots } from "../engine/epoch-slots.ts";
import { monotonicMs, TurnRecord } from "./turn-record.ts";

/** How long a guest may go on past its deadline before the process ends. */
const KILL_GRACE_MS = 1000;
/** Between two looks while guests run, and while none does. */
const BUSY_PAUSE_MS = 2;
const IDLE_PAUSE_MS = 100;

const record = new TurnRecord(workerData as SharedArrayBuffer);
const slots = new WatchedSlots(workerData as SharedArrayBuffer);
const supervisor = process.ppid;

for (;;) {
  const { turn, deadlineMs } = record.read();
  const nowMs = monotonicMs();
  const overdueMs = turn === 0 ? -Infinity : nowMs - deadlineMs;
  if (overdueMs >= 0) record.stop(turn);
  slots.stopOverdue(nowMs);
  const isStuck = overdueMs > KILL_GRACE_MS && record.read().turn === turn;
  if (isStuck || process.ppid !== supervisor) process.kill(process.pid, "SIGKILL");
  record.pause(turn === 0 ? IDLE_PAUSE_MS : BUSY_PAUSE_MS);
}
