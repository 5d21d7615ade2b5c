import { expect, test } from "vitest";
import { Dormitory, type Dormant } from "./dormant.ts";

class Program implements Dormant {
  dormantBytes: number;
  isForgotten = false;

  constructor(dormantBytes: number) {
    this.dormantBytes = dormantBytes;
  }

  forget(): void {
    this.isForgotten = true;
  }
}

test("dormitory: those that sleep longest give way", () => {
  const dormitory = new Dormitory(100);
  const programs = [40, 40, 40].map((bytes) => new Program(bytes));
  for (const program of programs) dormitory.add(program);
  expect(programs.map(({ isForgotten }) => isForgotten)).toEqual([true, false, false]);
  expect(dormitory.bytes).toBe(80);
});

test("dormitory: who woke is not forgotten, and who goes to sleep again is the latest", () => {
  const dormitory = new Dormitory(100);
  const [first, second, third] = [new Program(40), new Program(40), new Program(40)];
  dormitory.add(first);
  dormitory.add(second);
  dormitory.delete(first);
  first.dormantBytes = 60;
  expect(dormitory.bytes).toBe(40);
  dormitory.add(first);
  dormitory.add(third);
  expect([first, second, third].map(({ isForgotten }) => isForgotten)).toEqual([false, true, false]);
  expect(dormitory.bytes).toBe(100);
});

test("dormitory: one that is too large by itself is forgotten at once", () => {
  const dormitory = new Dormitory(100);
  const program = new Program(101);
  dormitory.add(program);
  expect([program.isForgotten, dormitory.bytes]).toEqual([true, 0]);
});
