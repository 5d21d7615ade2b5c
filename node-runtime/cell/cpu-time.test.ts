import { expect, test } from "vitest";
import { suspendDuring } from "../engine/suspension.ts";
import { CpuMeter } from "./cpu-time.ts";
import type { GuestTurns } from "./guest-turns.ts";

/** A meter whose time and turns the test makes. */
function makeMeter(): { meter: CpuMeter; pass: (ms: number) => void; endTurn: () => void } {
  let now = 0;
  const turnEnds: (() => void)[] = [];
  return {
    meter: new CpuMeter(
      undefined,
      () => now,
      (callback) => turnEnds.push(callback),
    ),
    pass: (ms) => void (now += ms),
    endTurn: () => turnEnds.splice(0).forEach((callback) => callback()),
  };
}

test("CpuMeter: what passes between resume and suspend is the account's, once", () => {
  const { meter, pass } = makeMeter();
  const account = meter.open();
  const turns = account.turns();
  pass(5);
  turns.resume();
  pass(20);
  turns.suspend();
  pass(7);
  turns.suspend();
  expect(account.takeSeconds()).toBe(0.02);
  expect(account.takeSeconds()).toBe(0);
});

test("CpuMeter: an account that takes the thread ends the other's time", () => {
  const { meter, pass } = makeMeter();
  const accounts = [meter.open(), meter.open()];
  const [one, other] = accounts.map((account) => account.turns()) as [GuestTurns, GuestTurns];
  one.resume();
  pass(1);
  other.resume();
  pass(2);
  one.suspend();
  pass(3);
  other.suspend();
  expect(accounts.map((account) => account.takeSeconds())).toEqual([0.001, 0.005]);
});

test("CpuMeter: a guest that never says that it stopped is counted to the end of the turn only", () => {
  const { meter, pass, endTurn } = makeMeter();
  const account = meter.open();
  for (const _turn of [1, 2]) {
    account.turns().resume();
    pass(4);
    endTurn();
    pass(1000);
  }
  expect(account.takeSeconds()).toBe(0.008);
});

test("CpuMeter: a guest that the machine did not let run is not charged for that", () => {
  let [now, cpu] = [0, 0];
  const meter = new CpuMeter(
    undefined,
    () => now,
    () => {},
    () => cpu,
  );
  const account = meter.open();
  const turns = account.turns();
  turns.limit(Infinity, 10);
  turns.resume();
  [now, cpu] = [20, 4];
  turns.suspend();
  expect([account.takeSeconds(), turns.isOver(now)]).toEqual([0.004, false]);
});

test("GuestTurns: a call is counted without its waits", async () => {
  const { meter, pass } = makeMeter();
  const account = meter.open();
  const turns = account.turns();
  const woken = Promise.withResolvers<void>();
  const call = turns.spend(async () => {
    pass(1);
    const waiting = suspendDuring(turns, woken.promise);
    pass(100);
    await waiting;
    pass(2);
  });
  woken.resolve();
  await call;
  pass(1000);
  expect(account.takeSeconds()).toBe(0.003);
});

test("CpuMeter: guests of one app are told apart: one that returns takes nothing from the other", () => {
  const { meter, pass } = makeMeter();
  const account = meter.open();
  const [one, other] = [account.turns(), account.turns()];
  one.resume();
  other.resume();
  one.suspend();
  pass(3);
  other.suspend();
  expect(account.takeSeconds()).toBe(0.003);
});

test("CpuMeter: a guest that is expected is not stopped by the deadline of another, until the turn is over", () => {
  const seen: (number | "nobody")[] = [];
  const turnEnds: (() => void)[] = [];
  const meter = new CpuMeter(
    { begin: (deadlineMs) => seen.push(deadlineMs), leave: () => seen.push("nobody") },
    () => 0,
    (callback) => turnEnds.push(callback),
  );
  const [hasty, patient, exact] = [100, 900, 50].map((deadlineMs) => {
    const turns = meter.open().turns();
    turns.limit(deadlineMs);
    return turns;
  }) as [GuestTurns, GuestTurns, GuestTurns];
  patient.expect();
  hasty.expect();
  exact.resume();
  exact.suspend();
  turnEnds.splice(0).forEach((callback) => callback());
  hasty.expect();
  expect(seen).toEqual([900, 900, 50, 900, "nobody", 100]);
});

test("CpuMeter: its observer learns who runs until when, and when nobody does", () => {
  const seen: (number | "nobody")[] = [];
  const meter = new CpuMeter(
    { begin: (deadlineMs) => seen.push(deadlineMs), leave: () => seen.push("nobody") },
    () => 0,
    () => {},
  );
  const [one, other] = [meter.open().turns(), meter.open().turns()];
  one.limit(100);
  other.limit(200);
  one.resume();
  other.resume();
  one.suspend();
  other.suspend();
  expect(seen).toEqual([100, 200, "nobody"]);
});

test("CpuMeter: its observer learns which app runs, and of several that may run that nobody knows which", () => {
  const seen: (number | "nobody")[] = [];
  const meter = new CpuMeter(
    { begin: (_deadlineMs, _sliceEndMs, app) => seen.push(app), leave: () => seen.push("nobody") },
    () => 0,
    () => {},
  );
  const [one, same, other] = [meter.open(1), meter.open(1), meter.open(2)].map((account) => account.turns());
  one!.expect();
  same!.expect();
  other!.expect();
  same!.resume();
  same!.suspend();
  expect(seen).toEqual([1, 1, 0, 1, 0]);
});
