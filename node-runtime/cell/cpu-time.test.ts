import { expect, test } from "vitest";
import { Notifier } from "../wasi/io/notifier.ts";
import { Scope } from "../wasi/scope.ts";
import { CpuMeter } from "./cpu-time.ts";

/** A meter whose time and turns the test makes. */
function makeMeter(): { meter: CpuMeter; pass: (ms: number) => void; endTurn: () => void } {
  let now = 0;
  const turnEnds: (() => void)[] = [];
  return {
    meter: new CpuMeter(
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
  pass(5);
  account.resume();
  pass(20);
  account.suspend();
  pass(7);
  account.suspend();
  expect(account.takeSeconds()).toBe(0.02);
  expect(account.takeSeconds()).toBe(0);
});

test("CpuMeter: an account that takes the thread ends the other's time", () => {
  const { meter, pass } = makeMeter();
  const [one, other] = [meter.open(), meter.open()];
  one.resume();
  pass(1);
  other.resume();
  pass(2);
  one.suspend();
  pass(3);
  other.suspend();
  expect([one.takeSeconds(), other.takeSeconds()]).toEqual([0.001, 0.005]);
});

test("CpuMeter: a guest that never says that it stopped is counted to the end of the turn only", () => {
  const { meter, pass, endTurn } = makeMeter();
  const account = meter.open();
  for (const _turn of [1, 2]) {
    account.resume();
    pass(4);
    endTurn();
    pass(1000);
  }
  expect(account.takeSeconds()).toBe(0.008);
});

test("CpuAccount: a call is counted without the waits of its scope", async () => {
  const { meter, pass } = makeMeter();
  const account = meter.open();
  const scope = new Scope(undefined, account);
  const changed = new Notifier();
  const call = account.spend(async () => {
    pass(1);
    const waiting = scope.wait((wake) => changed.subscribe(wake));
    pass(100);
    await waiting;
    pass(2);
  });
  changed.notify();
  await call;
  pass(1000);
  expect(account.takeSeconds()).toBe(0.003);
});
