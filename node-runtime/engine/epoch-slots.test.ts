import { expect, test } from "vitest";
import { DEADLINE_CELL_BYTES } from "./deadline-cell.ts";
import { EpochSlots, WatchedSlots } from "./epoch-slots.ts";

/** Slots in a memory of their own, as they are handed out and as the watchdog sees them. */
function makeSlots(bytes = 65_536): { slots: EpochSlots; watched: WatchedSlots; wordAt: (address: number) => number } {
  const buffer = new SharedArrayBuffer(bytes);
  const words = new Int32Array(buffer);
  return {
    slots: new EpochSlots(buffer),
    watched: new WatchedSlots(buffer),
    wordAt: (address) => words[address / 4]!,
  };
}

test("contract: EpochSlots: who is overdue is stopped, and nobody before its own deadline", () => {
  const { slots, watched, wordAt } = makeSlots();
  const [hasty, patient, idle] = [slots.take(), slots.take(), slots.take()];
  hasty.arm(100);
  patient.arm(900);
  watched.stopOverdue(99);
  expect(hasty.isStopped).toBe(false);
  watched.stopOverdue(100);
  expect([hasty, patient, idle].map(({ isStopped }) => isStopped)).toEqual([true, false, false]);
  expect([hasty, patient, idle].map(({ address }) => wordAt(address))).toEqual([1, 0, 0]);
  expect(wordAt(0)).toBe(0);
});

test("EpochSlots: the next call starts over, and none is under way in between", () => {
  const { slots, watched } = makeSlots();
  const slot = slots.take();
  slot.arm(100);
  watched.stopOverdue(100);
  slot.disarm();
  expect(slot.isStopped).toBe(false);
  watched.stopOverdue(1000);
  expect(slot.isStopped).toBe(false);
  slot.arm(2000);
  watched.stopOverdue(1999);
  expect(slot.isStopped).toBe(false);
});

test("EpochSlots: what is left of a guest that is gone traps, until its slot is another's", () => {
  const { slots, watched, wordAt } = makeSlots();
  const gone = slots.take();
  gone.arm(100);
  gone.release();
  expect(wordAt(gone.address)).toBe(1);
  gone.disarm();
  gone.arm(5000);
  expect(wordAt(gone.address)).toBe(1);
  const next = slots.take();
  expect([next.address, wordAt(next.address)]).toEqual([gone.address, 0]);
  gone.release();
  next.arm(5000);
  watched.stopOverdue(100);
  expect(next.isStopped).toBe(false);
});

test("EpochSlots: guests beyond the last slot share a word that is never stopped", () => {
  const { slots, watched, wordAt } = makeSlots(64 + 2 * DEADLINE_CELL_BYTES);
  const [first, second, beyond, further] = [slots.take(), slots.take(), slots.take(), slots.take()];
  expect(new Set([first, second, beyond].map(({ address }) => address)).size).toBe(3);
  expect(further.address).toBe(beyond.address);
  for (const slot of [first, second, beyond, further]) slot.arm(1);
  watched.stopOverdue(2);
  beyond.release();
  expect([beyond.isStopped, wordAt(beyond.address)]).toEqual([false, 0]);
  expect([first.isStopped, second.isStopped]).toEqual([true, true]);
});
