/**
 * The thread beside a cell's one JavaScript thread: it sees what that thread cannot while a guest computes. A guest that
 * goes on past its deadline is stopped at its next epoch check; one without checks takes the process with it. So does a
 * supervisor that is gone.
 */
import { workerData } from "node:worker_threads";
import { WatchedSlots } from "../engine/epoch-slots.ts";
import { StuckTurn } from "./stuck-turn.ts";
import { monotonicMs, TurnRecord } from "./turn-record.ts";
import { WatchRhythm } from "./watch-rhythm.ts";

const record = new TurnRecord(workerData as SharedArrayBuffer);
const stuck = new StuckTurn();
const rhythm = new WatchRhythm();
const slots = new WatchedSlots(workerData as SharedArrayBuffer);
const supervisor = process.ppid;

for (;;) {
  const seen = record.read();
  const nowMs = monotonicMs();
  if (seen.turn !== 0 && nowMs >= seen.deadlineMs) record.stop(seen.turn);
  slots.stopOverdue(nowMs);
  const isStuck =
    stuck.isStuck({ turn: seen.turn, deadlineMs: record.overdueMs }, nowMs) && record.read().turn === seen.turn;
  if (isStuck || process.ppid !== supervisor) process.kill(process.pid, "SIGKILL");
  record.pause(rhythm.next(record.overdueMs, seen.turn === 0 ? undefined : seen.deadlineMs - nowMs));
}
