import { expect, test } from "vitest";
import { TurnRecord } from "./turn-record.ts";

function stopWord({ buffer }: TurnRecord): number {
  return new Int32Array(buffer)[0]!;
}

test("TurnRecord: the other side sees the turn and its deadline, and nothing when it is over", () => {
  const record = new TurnRecord();
  const watched = new TurnRecord(record.buffer);
  record.enter(100);
  expect(watched.read()).toEqual({ turn: 1, deadlineMs: 100 });
  record.enter(200);
  expect(watched.read()).toEqual({ turn: 2, deadlineMs: 200 });
  record.leave();
  expect(watched.read().turn).toBe(0);
});

test("TurnRecord: the other side sees whose turn it is, and none of an app that is not known", () => {
  const record = new TurnRecord();
  const watched = new TurnRecord(record.buffer);
  record.begin(100, Infinity, 7);
  expect(watched.app).toBe(7);
  record.begin(100, Infinity);
  expect(watched.app).toBe(0);
});

test("TurnRecord: a guest is stopped where its slice ends, and overdue at its deadline", () => {
  const record = new TurnRecord();
  record.begin(100, 40);
  expect([record.read().deadlineMs, record.overdueMs]).toEqual([40, 100]);
  record.begin(100, 140);
  expect([record.read().deadlineMs, record.overdueMs]).toEqual([100, 100]);
});

test("TurnRecord: the guest of a turn is stopped; the next one is not", () => {
  const record = new TurnRecord();
  record.enter(100);
  record.stop(1);
  expect(stopWord(record)).toBe(1);
  record.enter(200);
  expect(stopWord(record)).toBe(0);
});

test("TurnRecord: a watchdog that comes too late stops nobody", () => {
  const record = new TurnRecord();
  record.enter(100);
  record.enter(200);
  record.stop(1);
  expect(stopWord(record)).toBe(0);
  record.leave();
  record.stop(2);
  expect(stopWord(record)).toBe(0);
});
