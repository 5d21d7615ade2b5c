import { expect, test } from "vitest";
import type { Beat } from "../cell/beat.ts";
import { culpritOf, Heartbeat, type End } from "./heartbeat.ts";

const BEAT: Beat = { app: 0, loopMs: 0, hostMs: 0, isStuck: false };

/** Returns after how many ticks a cell must go that goes on saying the same, and why. */
function judge(beat: Beat | undefined, { isSilent = false, longestRequestMs = 60_000 } = {}): string {
  const heartbeat = new Heartbeat();
  if (beat !== undefined) heartbeat.note(beat);
  for (let tick = 1; tick <= 1000; tick++) {
    const stuck = heartbeat.tick(longestRequestMs);
    if (stuck !== undefined) return `${stuck} after ${tick}`;
    if (beat !== undefined && !isSilent) heartbeat.note(beat);
  }
  return "well";
}

test.each([
  ["it beats", BEAT, {}, "well"],
  ["it is silent for two seconds", BEAT, { isSilent: true }, "silent after 21"],
  ["it does not start", undefined, {}, "silent after 601"],
  ["a guest computes within its deadline", { ...BEAT, app: 1, loopMs: 59_000 }, {}, "well"],
  ["a guest computes for longer than any may", { ...BEAT, app: 1, loopMs: 62_000 }, {}, "guest after 1"],
  ["the longest request is short", { ...BEAT, app: 1, loopMs: 5000 }, { longestRequestMs: 1000 }, "guest after 1"],
  ["the host works for a while", { ...BEAT, loopMs: 9000, hostMs: 9000 }, {}, "well"],
  ["the host has the thread for good", { ...BEAT, loopMs: 10_000, hostMs: 10_000 }, {}, "host after 1"],
])("Heartbeat: %s", (_what, beat, options, verdict) => {
  expect(judge(beat, options)).toBe(verdict);
});

const HELD: Beat = { ...BEAT, app: 7 };

test.each<[string, End, number | undefined]>([
  ["a crash while it had the thread", { signal: "SIGABRT", last: HELD }, 7],
  ["an exit while it had the thread", { signal: null, last: HELD }, 7],
  ["a crash while nobody had the thread", { signal: "SIGSEGV", last: BEAT }, undefined],
  ["a crash before the first beat", { signal: "SIGSEGV", last: undefined }, undefined],
  ["the watchdog's own kill", { signal: "SIGKILL", last: { ...HELD, isStuck: true } }, 7],
  ["a kill since the loop did not turn", { stuck: "guest", signal: "SIGKILL", last: HELD }, 7],
  ["a kill for silence", { stuck: "silent", signal: "SIGKILL", last: HELD }, undefined],
  ["a kill from outside", { signal: "SIGKILL", last: HELD }, undefined],
])("culpritOf: %s", (_what, end, culprit) => {
  expect(culpritOf(end)).toBe(culprit);
});
