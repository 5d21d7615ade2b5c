import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileModules, shareBudget, type MemoryWish } from "./memory-budget.ts";

const PAGE = 65_536;

const wish: fc.Arbitrary<MemoryWish> = fc
  .record({ minPages: fc.nat(50), growth: fc.nat(200), copies: fc.integer({ min: 1, max: 4 }) })
  .map(({ minPages, growth, copies }) => ({ minPages, maxPages: minPages + growth, copies }));

const pagesOf = (wishes: readonly MemoryWish[], maxima: readonly number[]): number =>
  wishes.reduce((sum, { copies }, index) => sum + copies * maxima[index]!, 0);

test("shareBudget: all copies together stay within the budget, each between its own bounds", () => {
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 8 }), fc.nat(2000), (wishes, budget) => {
      const maxima = shareBudget(wishes, budget);
      const minimums = pagesOf(
        wishes,
        wishes.map(({ minPages }) => minPages),
      );
      expect(pagesOf(wishes, maxima)).toBeLessThanOrEqual(Math.max(budget, minimums));
      for (const [index, { minPages, maxPages }] of wishes.entries()) {
        expect(maxima[index]).toBeGreaterThanOrEqual(minPages);
        expect(maxima[index]).toBeLessThanOrEqual(maxPages);
      }
    }),
  );
});

test("shareBudget: no page is left over while a memory could still have one for each of its copies", () => {
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1, maxLength: 8 }), fc.nat(2000), (wishes, budget) => {
      const maxima = shareBudget(wishes, budget);
      const hungry = wishes.filter(({ maxPages }, index) => maxima[index]! < maxPages);
      const copies = hungry.reduce((sum, { copies }) => sum + copies, 0);
      if (copies > 0) expect(budget - pagesOf(wishes, maxima)).toBeLessThan(copies);
    }),
  );
});

test.each([
  { case: "one memory has all", wishes: [[1, 65_536, 1]], maxima: [100] },
  {
    case: "two share what is beyond their minimums",
    wishes: [
      [10, 1000, 1],
      [30, 1000, 1],
    ],
    maxima: [40, 60],
  },
  {
    case: "what one may not have goes to the other",
    wishes: [
      [1, 1000, 1],
      [2, 5, 1],
    ],
    maxima: [95, 5],
  },
  { case: "a module with two instances counts twice", wishes: [[10, 1000, 2]], maxima: [50] },
  {
    case: "nothing is beyond the minimums",
    wishes: [
      [60, 1000, 1],
      [50, 70, 1],
    ],
    maxima: [60, 50],
  },
] as const)("shareBudget of 100 pages: $case", ({ wishes, maxima }) => {
  const records = wishes.map(([minPages, maxPages, copies]) => ({ minPages, maxPages, copies }));
  expect(shareBudget(records, 100)).toEqual(maxima);
});

test("compileModules: the memories of all modules grow to the limit together, and no further", async () => {
  const bytes = await parse(`(module (memory 1) (memory 1 3)
    (func (export "grow-a") (param i32) (result i32) (memory.grow 0 (local.get 0)))
    (func (export "grow-b") (param i32) (result i32) (memory.grow 1 (local.get 0))))`);
  const modules = compileModules(
    [
      { bytes, instances: 1 },
      { bytes, instances: 2 },
    ],
    40 * PAGE,
  );
  const grow = (index: number, which: "a" | "b", pages: number): number => {
    const { exports } = new WebAssembly.Instance(modules[index]!.module);
    return (exports[`grow-${which}`] as (pages: number) => number)(pages);
  };
  // 3 instances: 9 pages of the small memories at the most, so 31 for 3 large ones.
  for (const index of [0, 1]) {
    expect([grow(index, "b", 2), grow(index, "b", 3)]).toEqual([1, -1]);
    expect([grow(index, "a", 9), grow(index, "a", 10)]).toEqual([1, -1]);
  }
});

test("compileModules: a limit beyond what 32-bit addresses reach is no invalid module", async () => {
  const [compiled] = compileModules([{ bytes: await parse("(module (memory 1))"), instances: 1 }], 2 ** 36);
  expect(compiled!.module).toBeInstanceOf(WebAssembly.Module);
});
