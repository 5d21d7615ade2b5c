import { expect, test } from "vitest";
import { GO_ON, PAUSE, TRAP } from "../engine/pause.ts";
import type { PausableGuest } from "../wasi/host.ts";
import { CpuMeter } from "./cpu-time.ts";
import type { GuestTurns } from "./guest-turns.ts";
import { LongRuns } from "./long-runs.ts";
import { PausedGuests } from "./paused-guests.ts";

/** A meter whose time and turns the test makes, and what its observer was told. */
class Thread {
  nowMs = 0;
  readonly seen: ([deadlineMs: number, sliceEndMs: number] | "nobody")[] = [];
  readonly meter: CpuMeter;
  readonly #turnEnds: (() => void)[] = [];

  constructor() {
    this.meter = new CpuMeter(
      {
        begin: (deadlineMs, sliceEndMs) => void this.seen.push([deadlineMs, sliceEndMs]),
        leave: () => this.seen.push("nobody"),
      },
      () => this.nowMs,
      (callback) => this.#turnEnds.push(callback),
    );
  }

  /** A guest that runs, and can pause. */
  run(turns = this.meter.open().turns()): { turns: GuestTurns; guest: PausableGuest & { mayLeave: boolean } } {
    const guest = { mayLeave: true, suspend: () => turns.suspend(), resume: () => turns.resume() };
    turns.pausable(guest);
    return { turns, guest };
  }

  async endTurn(): Promise<void> {
    this.#turnEnds.splice(0).forEach((callback) => callback());
    for (let step = 0; step < 5; step++) await Promise.resolve();
  }
}

test("CpuMeter: a guest that can pause has a slice, one that cannot has its deadline only", () => {
  const thread = new Thread();
  const turns = thread.meter.open().turns();
  turns.limit(1000);
  turns.resume();
  thread.run(turns);
  expect(thread.seen).toEqual([
    [1000, Infinity],
    [1000, 2],
  ]);
});

test("CpuMeter: a guest whose slice is over pauses, and its pause costs it nothing", async () => {
  const thread = new Thread();
  const account = thread.meter.open();
  const { turns } = thread.run(account.turns());
  thread.nowMs = 2;
  expect(thread.meter.decide()).toBe(PAUSE);
  const next = thread.meter.pause();
  expect(thread.seen.at(-1)).toBe("nobody");
  thread.nowMs = 50;
  await thread.endTurn();
  expect(await next).toBe(GO_ON);
  expect(thread.seen.at(-1)).toEqual([Infinity, 52]);
  thread.nowMs = 51;
  turns.suspend();
  expect(account.takeSeconds()).toBe(0.003);
});

test("CpuMeter: a guest that computes in its allocator goes on for a while, and traps when it stays there", () => {
  const thread = new Thread();
  const { guest } = thread.run();
  guest.mayLeave = false;
  const decided = [2, 4, 252, 253].map((nowMs) => ((thread.nowMs = nowMs), thread.meter.decide()));
  expect(decided).toEqual([GO_ON, GO_ON, GO_ON, TRAP]);
});

test("CpuMeter: a guest traps at its deadline, whether it pauses or not", async () => {
  const thread = new Thread();
  const { turns } = thread.run();
  turns.limit(10);
  thread.nowMs = 9;
  expect(thread.meter.decide()).toBe(PAUSE);
  const next = thread.meter.pause();
  thread.nowMs = 10;
  await thread.endTurn();
  expect(await next).toBe(TRAP);
  expect(turns.overrun(10)).toBe("request_timeout");
});

test("CpuMeter: a guest traps when it has had its CPU time, of which pauses take none", async () => {
  const thread = new Thread();
  const turns = thread.meter.open().turns();
  turns.limit(100_000, 6);
  thread.run(turns);
  for (const _slice of [1, 2]) {
    thread.nowMs += 2;
    expect(thread.meter.decide()).toBe(PAUSE);
    const next = thread.meter.pause();
    thread.nowMs += 1000;
    await thread.endTurn();
    expect(await next).toBe(GO_ON);
  }
  expect(thread.seen.at(-1)).toEqual([2006, 2006]);
  expect(turns.overrun(thread.nowMs)).toBeUndefined();
  thread.nowMs += 2;
  expect(thread.meter.decide()).toBe(TRAP);
  expect(turns.overrun(thread.nowMs)).toBe("cpu_time");
});

test("CpuMeter: a guest whose request is given up while it pauses traps when it goes on", async () => {
  const thread = new Thread();
  const { turns } = thread.run();
  thread.nowMs = 2;
  thread.meter.decide();
  const next = thread.meter.pause();
  turns.abandon();
  await thread.endTurn();
  expect(await next).toBe(TRAP);
});

test("CpuMeter: a check that finds nobody at work traps", () => {
  expect(new Thread().meter.decide()).toBe(TRAP);
});

test("PausedGuests: one goes on in each turn, apps in turns, those of one app in their order", async () => {
  const turnEnds: (() => void)[] = [];
  const paused = new PausedGuests((callback) => turnEnds.push(callback));
  const order: string[] = [];
  const [a, b] = [{}, {}];
  for (const [owner, name] of [
    [a, "a1"],
    [a, "a2"],
    [a, "a3"],
    [b, "b1"],
  ] as const) {
    void paused.wait(owner).then(() => order.push(name));
  }
  const seen: string[][] = [];
  for (let turn = 0; turn < 4; turn++) {
    turnEnds.shift()!();
    await Promise.resolve();
    seen.push([...order]);
  }
  expect(seen).toEqual([["a1"], ["a1", "b1"], ["a1", "b1", "a2"], ["a1", "b1", "a2", "a3"]]);
});

/** Long runs whose turns of the event loop the test ends, and who waited and passed. */
function makeRuns(): { runs: LongRuns; endTurn: () => void; wait: (name: number) => void; passed: number[] } {
  const turnEnds: (() => void)[] = [];
  const runs = new LongRuns((callback) => turnEnds.push(callback));
  const passed: number[] = [];
  for (let run = 0; run < 8; run++) {
    expect(runs.pass(run, () => {})).toBe(true);
    runs.begin();
  }
  return {
    runs,
    endTurn: () => turnEnds.splice(0).forEach((callback) => callback()),
    wait: (name) => expect(runs.pass(name, () => passed.push(name))).toBe(false),
    passed,
  };
}

test("LongRuns: beyond eight, requests wait in their order, and who leaves is left out", () => {
  const { runs, endTurn, wait, passed } = makeRuns();
  for (const name of [10, 11, 12]) wait(name);
  endTurn();
  expect(passed).toEqual([]);
  expect([runs.leave(10), runs.leave(10)]).toEqual([true, false]);
  runs.end();
  endTurn();
  expect(passed).toEqual([11]);
});

test("LongRuns: all who waited pass once one long run ends, though none of them is long", () => {
  const { runs, endTurn, wait, passed } = makeRuns();
  const names = Array.from({ length: 100 }, (_, index) => 10 + index);
  for (const name of names) wait(name);
  runs.end();
  for (let turn = 0; turn < 100; turn++) endTurn();
  expect(passed).toEqual(names);
  expect(runs.pass(0, () => {})).toBe(true);
});

test("LongRuns: of those who waited no more pass than there may be long runs", () => {
  const { runs, endTurn, wait, passed } = makeRuns();
  for (let name = 10; name < 30; name++) wait(name);
  for (let run = 0; run < 3; run++) runs.end();
  endTurn();
  expect(passed).toEqual([10, 11, 12]);
  for (const _one of passed) runs.begin();
  endTurn();
  expect(passed).toEqual([10, 11, 12]);
});

test("CpuMeter: a request that waits after it has paused keeps no other from beginning", async () => {
  const thread = new Thread();
  const account = thread.meter.open();
  const ends: GuestTurns[] = [];
  for (let run = 0; run < 8; run++) {
    const { turns } = thread.run(account.turns());
    thread.nowMs += 2;
    expect(thread.meter.decide()).toBe(PAUSE);
    void thread.meter.pause();
    ends.push(turns);
  }
  expect(account.longRuns.pass("paused", () => {})).toBe(false);
  account.longRuns.leave("paused");
  ends[0]!.resume();
  ends[0]!.suspend();
  expect(account.longRuns.pass("waits", () => {})).toBe(true);
});

test("GuestTurns: a trap shortly before the CPU time is over is the guest's own, however short that time is", () => {
  const turns = new Thread().meter.open().turns();
  for (const cpuLimitMs of [0.5, 1, 100]) {
    turns.limit(Infinity, cpuLimitMs);
    turns.add(cpuLimitMs * 0.999, cpuLimitMs);
    expect(turns.overrun(0)).toBeUndefined();
    turns.add(cpuLimitMs * 0.001, 0);
    expect(turns.overrun(0)).toBe("cpu_time");
  }
});

test("GuestTurns: where a guest traps as soon as it is stopped, the time counts that it had the thread", () => {
  const turns = new Thread().meter.open().turns();
  turns.limit(Infinity, 50, false);
  turns.add(3, 40);
  expect(turns.overrun(0)).toBeUndefined();
  turns.add(1, 9.5);
  expect(turns.overrun(0)).toBe("cpu_time");
});
