import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { ThreadShare, TimeSlice } from "./time-slice.ts";

test("time slice: nobody waits while the slice lasts", () => {
  const slice = new TimeSlice(() => 0, new ThreadShare());
  for (let index = 0; index < 1000; index++) expect(slice.pass()).toBeUndefined();
});

test("time slice: who comes after it waits for the next turn, in order, as many as that turn has time for", async () => {
  let nowMs = 0;
  let turn = 0;
  const slice = new TimeSlice(() => nowMs, new ThreadShare());
  const passed: [number, turn: number][] = [];
  const work = async (index: number): Promise<void> => {
    await slice.pass();
    // Not at once: what is done behind a microtask counts as well.
    for (let hop = 0; hop < 5; hop++) await Promise.resolve();
    nowMs += 2;
    passed.push([index, turn]);
  };
  expect(slice.pass()).toBeUndefined();
  nowMs = 5;
  const works = Promise.all([0, 1, 2, 3].map(work));
  await Promise.resolve();
  expect(passed).toEqual([]);
  while (passed.length < 4) {
    turn++;
    await nextTurn();
  }
  await works;
  const turns = passed.map(([, at]) => at);
  expect(passed.map(([index]) => index)).toEqual([0, 1, 2, 3]);
  expect(turns.slice(0, 3)).toEqual([turns[0], turns[0], turns[0]]);
  expect(turns[3]).toBeGreaterThan(turns[0]!);
});

test("time slice: who comes while others wait goes behind them", async () => {
  let nowMs = 0;
  const slice = new TimeSlice(() => nowMs, new ThreadShare());
  void slice.pass();
  nowMs = 5;
  const order: string[] = [];
  const first = slice.pass()?.then(() => order.push("first"));
  nowMs = 0;
  const second = slice.pass()?.then(() => order.push("second"));
  await Promise.all([first, second]);
  expect(order).toEqual(["first", "second"]);
});

test("time slice: it is shorter while another app of the thread is asked, and a second after that as long again", async () => {
  let nowMs = 0;
  const share = new ThreadShare();
  const [flooded, quiet] = [new TimeSlice(() => nowMs, share), new TimeSlice(() => nowMs, share)];
  const lengthOf = async (slice: TimeSlice): Promise<number> => {
    const beginMs = nowMs;
    while (slice.pass() === undefined) nowMs++;
    const length = nowMs - beginMs;
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    return length;
  };
  expect(await lengthOf(flooded)).toBe(5);
  await quiet.pass();
  await nextTurn();
  await flooded.pass();
  await nextTurn();
  expect(await lengthOf(flooded)).toBe(1);
  nowMs += 1000;
  expect(await lengthOf(flooded)).toBe(5);
});

test("time slice: it is put off while connections come, one in each turn, but not for long", async () => {
  let nowMs = 0;
  const share = new ThreadShare();
  const slice = new TimeSlice(() => nowMs, share);
  void slice.pass();
  nowMs = 5;
  const passed: number[] = [];
  let turn = 0;
  void slice.pass()?.then(() => passed.push(turn));
  for (; turn < 110; turn++) {
    share.accepted();
    await nextTurn();
  }
  expect(passed).toHaveLength(1);
  expect(passed[0]).toBeGreaterThanOrEqual(100);
});
