import { expect, test } from "vitest";
import { LineBudget, LineSink } from "./log-lines.ts";

function makeSink(now: () => number = () => 0): { sink: LineSink; budget: LineBudget; lines: string[] } {
  const lines: string[] = [];
  const budget = new LineBudget(now);
  return { sink: new LineSink((line) => lines.push(line), budget), budget, lines };
}

test("LineSink: lines come out whole however the writes are cut", () => {
  const { sink, lines } = makeSink();
  for (const part of ["on", "e\ntw", "o\r\n", "three"]) sink.write(Buffer.from(part));
  expect(lines).toEqual(["one", "two"]);
  sink.end();
  expect(lines).toEqual(["one", "two", "three"]);
});

test("LineSink: a line longer than the bound is cut off, and the next one is whole", () => {
  const { sink, lines } = makeSink();
  sink.write(Buffer.alloc(100_000, "x"));
  sink.write(Buffer.from("\nnext\n"));
  expect(lines.map(({ length }) => length)).toEqual([16 * 1024, 4]);
});

test("LineSink: a guest that prints without end waits for the next turn, however many streams it has", () => {
  const turns: (() => void)[] = [];
  const budget = new LineBudget(() => 0);
  const sink = new LineSink(
    () => {},
    budget,
    (callback) => turns.push(callback),
  );
  const room = sink.capacity();
  let woken = 0;
  sink.subscribe(() => woken++);
  expect(woken).toBe(1);
  sink.write(Buffer.alloc(room - 1));
  expect([sink.capacity(), turns.length]).toEqual([1, 0]);
  for (let stream = 0; stream < 2; stream++) sink.write(Buffer.alloc(room));
  expect([sink.capacity(), turns.length]).toEqual([0, 1]);
  sink.subscribe(() => woken++);
  expect(woken).toBe(1);
  turns[0]?.();
  expect([sink.capacity(), woken]).toEqual([room, 2]);
});

test("LineBudget: a flood is dropped and counted, and the next second begins anew", () => {
  let now = 0;
  const { sink, budget, lines } = makeSink(() => now);
  for (let count = 0; count < 1500; count++) sink.write(Buffer.from("line\n"));
  expect(lines).toHaveLength(1000);
  expect(budget.takeDropped()).toBe(500);
  now = 1000;
  sink.write(Buffer.from("line\n"));
  expect(lines).toHaveLength(1001);
  expect(budget.takeDropped()).toBe(0);
});

test("LineBudget: a flood of long lines is dropped by its bytes, and short ones still fit", () => {
  let now = 0;
  const { sink, budget, lines } = makeSink(() => now);
  for (let count = 0; count < 100; count++) sink.write(Buffer.from(`${"x".repeat(15_000)}\n`));
  expect([lines.length, budget.takeDropped()]).toEqual([69, 31]);
  sink.write(Buffer.from("short\n"));
  expect(lines.at(-1)).toBe("short");
  now = 1000;
  sink.write(Buffer.from(`${"x".repeat(15_000)}\n`));
  expect(lines).toHaveLength(71);
});
