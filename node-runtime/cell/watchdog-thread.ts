/**
 * The thread beside a cell's one JavaScript thread: it sees what that thread cannot while a guest computes. A guest that
 * goes on past its deadline is stopped at its next epoch check; one without checks takes the process with it. So does a
 * supervisor that is gone. To the others it tells what it sees.
 */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { WatchedSlots } from "../engine/epoch-slots.ts";
import { BEAT_FD, type Beat } from "./beat.ts";
import { StuckTurn } from "./stuck-turn.ts";
import { monotonicMs, TurnRecord } from "./turn-record.ts";
import { WatchRhythm } from "./watch-rhythm.ts";
import { WatchedThread } from "./watched-thread.ts";
import type { WatchdogData } from "./watchdog.ts";

const data = workerData as WatchdogData;
const record = new TurnRecord(data.record);
const stuck = new StuckTurn();
const rhythm = new WatchRhythm();
const slots = new WatchedSlots(data.record);
const thread = new WatchedThread();
const loops = data.loops && new Int32Array(data.loops);
const supervisor = process.ppid;

for (;;) {
  const seen = record.read();
  const { app } = record;
  const nowMs = monotonicMs();
  if (seen.turn !== 0 && nowMs >= seen.deadlineMs) record.stop(seen.turn);
  slots.stopOverdue(nowMs);
  if (loops !== undefined) tell(thread.look({ turn: seen.turn, app, loops: Atomics.load(loops, 0) }, nowMs));
  const isStuck =
    stuck.isStuck({ turn: seen.turn, deadlineMs: record.overdueMs }, nowMs) && record.read().turn === seen.turn;
  if (isStuck && loops !== undefined) tell(thread.beat(app));
  if (isStuck || process.ppid !== supervisor) process.kill(process.pid, "SIGKILL");
  const found = { turn: seen.turn, leftMs: seen.deadlineMs - nowMs, activity: record.overdueMs };
  record.pause(rhythm.next(found, nowMs));
}

/** A supervisor that does not read loses beats, not this thread's time. */
function tell(beat: Beat | undefined): void {
  if (beat === undefined) return;
  try {
    writeSync(BEAT_FD, `${JSON.stringify(beat)}\n`);
  } catch {
    // Nobody reads: if the supervisor is gone, this process ends at the next look.
  }
}
