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

test("transfer progress: is for terminals alone, and leaves nothing behind", () => {
  const written: string[] = [];
  for (const isTTY of [true, false]) {
    const progress = new TransferProgress({ isTTY, columns: 100, write: (text) => written.push(text) });
    progress.note("a", 1, 2);
    progress.end();
  }
  expect(written).toEqual([`\r\u001B[K[${"=".repeat(12)}${" ".repeat(12)}] 1 B of 2 B`, "\r\u001B[K"]);
});
