/**
 * The thread beside a cell's one JavaScript thread: it sees what that thread cannot while a guest computes. It ends the
 * process when a guest goes on past its deadline, and when the supervisor is gone.
 */
import { workerData } from "node:worker_threads";
import { monotonicMs, TurnRecord } from "./turn-record.ts";

/** How long a guest may go on past its deadline: what can be stopped in other ways has stopped by then. */
const KILL_GRACE_MS = 1000;
/** Between two looks while guests run, and while none does. */
const BUSY_PAUSE_MS = 5;
const IDLE_PAUSE_MS = 100;

const record = new TurnRecord(workerData as SharedArrayBuffer);
const supervisor = process.ppid;

for (;;) {
  const { turn, deadlineMs } = record.read();
  const isOverdue = turn !== 0 && monotonicMs() > deadlineMs + KILL_GRACE_MS && record.read().turn === turn;
  if (isOverdue || process.ppid !== supervisor) process.kill(process.pid, "SIGKILL");
  record.pause(turn === 0 ? IDLE_PAUSE_MS : BUSY_PAUSE_MS);
}
