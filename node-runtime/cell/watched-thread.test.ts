import { expect, test } from "vitest";
import type { Beat } from "./beat.ts";
import { WatchedThread, type Look } from "./watched-thread.ts";

/** Looks at the same thing every `stepMs` up to a time; returns what was told. */
function watch(thread: WatchedThread, look: Look, fromMs: number, toMs: number, stepMs = 2): Beat[] {
  const told: Beat[] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += stepMs) {
    const beat = thread.look(look, nowMs);
    if (beat !== undefined) told.push(beat);
  }
  return told;
}

test("WatchedThread: an idle cell beats every tenth of a second", () => {
  const thread = new WatchedThread();
  const told = Array.from({ length: 5 }, (_, index) => thread.look({ turn: 0, app: 0, loops: index }, index * 100));
  expect(told).toEqual(told.map(() => ({ app: 0, loopMs: 0, hostMs: 0, isStuck: false })));
});

test("WatchedThread: an app that keeps the thread is told of at once, and that it gave it back", () => {
  const thread = new WatchedThread();
  watch(thread, { turn: 0, app: 0, loops: 1 }, 0, 2);
  expect(watch(thread, { turn: 1, app: 7, loops: 1 }, 2, 22)).toEqual([]);
  expect(watch(thread, { turn: 1, app: 7, loops: 1 }, 22, 24)).toMatchObject([{ app: 7, loopMs: 22 }]);
  expect(watch(thread, { turn: 0, app: 7, loops: 1 }, 24, 26)).toMatchObject([{ app: 0 }]);
});

test("WatchedThread: turns of one app one after another are one, those of several are nobody's", () => {
  const thread = new WatchedThread();
  for (let nowMs = 0; nowMs < 50; nowMs += 2) thread.look({ turn: nowMs + 1, app: 7, loops: 1 }, nowMs);
  expect(thread.beat().app).toBe(7);
  for (let nowMs = 50; nowMs < 100; nowMs += 2) thread.look({ turn: nowMs + 1, app: (nowMs / 2) % 2, loops: 1 }, nowMs);
  expect(thread.beat().app).toBe(0);
});

test("WatchedThread: what the host does with the thread is told apart from what guests do", () => {
  const thread = new WatchedThread();
  watch(thread, { turn: 1, app: 7, loops: 1 }, 0, 1000);
  expect(watch(thread, { turn: 0, app: 7, loops: 1 }, 1000, 1500).at(-1)).toMatchObject({ loopMs: 1400, hostMs: 402 });
  expect(watch(thread, { turn: 0, app: 7, loops: 2 }, 1500, 1700).at(-1)).toMatchObject({ loopMs: 100, hostMs: 100 });
});

test("WatchedThread: a machine that stood still was not busy", () => {
  const thread = new WatchedThread();
  thread.look({ turn: 0, app: 0, loops: 1 }, 0);
  expect(thread.look({ turn: 0, app: 0, loops: 1 }, 3_600_000)).toMatchObject({ loopMs: 200, hostMs: 200 });
});

test("WatchedThread: a guest that is not to be stopped is named, however short it was seen", () => {
  const thread = new WatchedThread();
  thread.look({ turn: 3, app: 9, loops: 1 }, 0);
  expect(thread.beat(9)).toEqual({ app: 9, loopMs: 0, hostMs: 0, isStuck: true });
});
