import { expect, test } from "vitest";
import { DenialLog } from "./denial-log.ts";

test("denial log: each target is told once, and each list that refuses it", () => {
  const lines: string[] = [];
  const log = new DenialLog((line) => lines.push(line));
  for (let round = 0; round < 3; round++) {
    log.note("a:80", "the list");
    log.note("a:443", "the list");
    log.note("a:80", "another list");
  }
  expect(lines).toEqual([
    "refused an outgoing connection to a:80: not in the list",
    "refused an outgoing connection to a:443: not in the list",
    "refused an outgoing connection to a:80: not in another list",
  ]);
});

test("denial log: a program that tries everything is told of in a bounded number of lines", () => {
  const lines: string[] = [];
  const log = new DenialLog((line) => lines.push(line));
  for (let port = 1; port < 10_000; port++) log.note(`a:${port}`, "the list");
  expect(lines).toHaveLength(257);
  expect(lines.at(-1)).toMatch(/more than 256 targets/);
});

test("denial log: a target of any length takes a line of bounded length, and no more memory than that", () => {
  const lines: string[] = [];
  const log = new DenialLog((line) => lines.push(line));
  for (let port = 1; port <= 256; port++) log.note(`${String(port).padEnd(1_000_000, "a")}:80`, "the list");
  expect(lines).toHaveLength(256);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(350);
});
