import { expect, test } from "vitest";
import { Quarantine } from "./quarantine.ts";

const MINUTE = 60_000;

/** Blames an app at each time and returns the delays that follow. */
function delaysOf(quarantine: Quarantine, timesMs: number[]): (number | undefined)[] {
  return timesMs.map((nowMs) => quarantine.blame("default/app", nowMs)?.delayMs);
}

test("Quarantine: an app may end two cells, and is alone after the third", () => {
  const quarantine = new Quarantine();
  expect(delaysOf(quarantine, [0, 1000])).toEqual([undefined, undefined]);
  expect(quarantine.isAlone("default/app")).toBe(false);
  expect(quarantine.blame("default/app", 2000)).toEqual({ deaths: 3, delayMs: 10_000 });
  expect(quarantine.isAlone("default/app")).toBe(true);
  expect(quarantine.isAlone("default/other")).toBe(false);
});

test("Quarantine: three deaths that are far apart are none too many", () => {
  expect(delaysOf(new Quarantine(), [0, 6 * MINUTE, 12 * MINUTE, 18 * MINUTE])).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("Quarantine: each further death doubles the delay, up to five minutes", () => {
  const quarantine = new Quarantine();
  let nowMs = 0;
  const delays = Array.from({ length: 10 }, () => {
    const delayMs = quarantine.blame("default/app", nowMs)?.delayMs ?? 0;
    nowMs += delayMs + 1000;
    return delayMs / 1000;
  });
  expect(delays).toEqual([0, 0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test("Quarantine: a death while it waits is of a cell that it was in before", () => {
  expect(delaysOf(new Quarantine(), [0, 0, 0, 100, 9999, 10_001])).toEqual([
    undefined,
    undefined,
    10_000,
    undefined,
    undefined,
    20_000,
  ]);
});

test("Quarantine: a long good life begins with its start, and earns the first delay and several deaths again", () => {
  const quarantine = new Quarantine();
  expect(delaysOf(quarantine, [0, 0, 0, 10_000 + 10 * MINUTE - 1]).at(-1)).toBe(20_000);
  const after = 30_000 + 10 * MINUTE + 10 * MINUTE;
  expect(delaysOf(quarantine, [after, after + 1, after + 2])).toEqual([undefined, undefined, 10_000]);
  expect(quarantine.isAlone("default/app")).toBe(true);
});

test("Quarantine: an app that is another one now has done nothing", () => {
  const quarantine = new Quarantine();
  delaysOf(quarantine, [0, 0, 0]);
  quarantine.forget("default/app");
  expect(quarantine.isAlone("default/app")).toBe(false);
  expect(delaysOf(quarantine, [1, 1])).toEqual([undefined, undefined]);
});
