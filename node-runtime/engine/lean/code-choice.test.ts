import { expect, test } from "vitest";
import { CodeChoice, prefersFullResets, type Code } from "./code-choice.ts";

const MIB = 2 ** 20;

test.each([
  { does: "short calls", callsMs: [0.01, 0.02], memoryBytes: MIB, full: false },
  { does: "short calls of a small guest", callsMs: [0.19, 0.19], memoryBytes: 65_536, full: false },
  { does: "long calls of a small guest", callsMs: [0.3, 0.3], memoryBytes: 65_536, full: true },
  { does: "long calls", callsMs: [40, 41], memoryBytes: MIB, full: true },
  { does: "calls that are short by the memory's size", callsMs: [3, 3], memoryBytes: 12 * MIB, full: false },
  { does: "calls that are long by the memory's size", callsMs: [5, 5], memoryBytes: 12 * MIB, full: true },
  { does: "one outlier", callsMs: [...Array.from({ length: 63 }, () => 0.01), 500], memoryBytes: MIB, full: false },
  {
    does: "a tenth of heavy calls",
    callsMs: [...Array.from({ length: 9 }, () => 0.01), 500],
    memoryBytes: MIB,
    full: true,
  },
])("prefersFullResets: $does", ({ callsMs, memoryBytes, full }) => {
  expect(prefersFullResets(callsMs, memoryBytes)).toBe(full);
});

test("note: code is chosen anew after a window of calls, and loaded once", () => {
  const [tracked, plain]: Code[] = [
    { modules: [], tracksWrites: true },
    { modules: [], tracksWrites: false },
  ];
  let loads = 0;
  const choice = new CodeChoice(tracked!, () => {
    loads++;
    return plain!;
  });
  const window = (callMs: number): number =>
    Array.from({ length: 64 }, () => choice.note(callMs, () => MIB)).indexOf(true);
  expect([window(0.01), choice.code]).toEqual([-1, tracked]);
  expect([window(10), choice.code]).toEqual([63, plain]);
  expect([window(10), choice.code]).toEqual([-1, plain]);
  expect([window(0.01), choice.code]).toEqual([63, tracked]);
  expect([window(10), choice.code, loads]).toEqual([63, plain, 1]);
});

test("begin: one call in four is timed", () => {
  const code = { modules: [], tracksWrites: true };
  const choice = new CodeChoice(code, () => code);
  expect(Array.from({ length: 8 }, () => choice.begin()).filter(Boolean)).toHaveLength(2);
});

test("note: without an alternative nothing changes", () => {
  const choice = new CodeChoice({ modules: [], tracksWrites: false });
  expect(choice.begin()).toBe(false);
  for (let call = 0; call < 300; call++) expect(choice.note(10, () => MIB)).toBe(false);
});

test("note: code that cannot be loaded is not asked for again, and requests go on", () => {
  const tracked = { modules: [], tracksWrites: true };
  let loads = 0;
  const choice = new CodeChoice(tracked, () => {
    loads++;
    throw new Error("no such file");
  });
  for (let call = 0; call < 300; call++) expect(choice.note(10, () => MIB)).toBe(false);
  expect([choice.code, choice.begin(), loads]).toEqual([tracked, false, 1]);
});
