import { expect, test } from "vitest";
import { describeTransfers, TransferProgress } from "./transfer-progress.ts";

test.each([
  [[], `[${"=".repeat(24)}] 0 B of 0 B`],
  [[{ done: 0, total: 10 }], `[${" ".repeat(24)}] 0 B of 10 B`],
  [
    [
      { done: 1024, total: 1024 },
      { done: 0, total: 1024 },
    ],
    `[${"=".repeat(12)}${" ".repeat(12)}] 1.0 KiB of 2.0 KiB`,
  ],
])("transfer progress: %j", (transfers, expected) => {
  expect(describeTransfers(transfers)).toBe(expected);
});

test("transfer progress: many pieces draw the bar now and then, and its end always", () => {
  const written: string[] = [];
  let nowMs = 0;
  const stream = { isTTY: true, columns: 100, write: (text: string) => written.push(text) };
  const progress = new TransferProgress(stream, () => nowMs);
  for (let done = 1; done <= 1000; done++) {
    nowMs += 0.5;
    progress.note("a", done, 1000);
  }
  expect(written).toHaveLength(11);
  expect(written.at(-1)).toContain("1000 B of 1000 B");
});

test("transfer progress: is for terminals alone, and leaves nothing behind", () => {
  const written: string[] = [];
  for (const isTTY of [true, false]) {
    const progress = new TransferProgress({ isTTY, columns: 100, write: (text) => written.push(text) });
    progress.note("a", 1, 2);
    progress.end();
  }
  expect(written).toEqual([`\r\u001B[K[${"=".repeat(12)}${" ".repeat(12)}] 1 B of 2 B`, "\r\u001B[K"]);
});
