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
