import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { expect, test } from "vitest";
import { LastWords } from "./last-words.ts";

async function wordsOf(...chunks: string[]): Promise<string> {
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  const words = new LastWords(stream);
  await finished(stream);
  return words.error;
}

test("last words: the error that Node.js printed is told, in one line", async () => {
  const printed =
    "node:fs:778\n  return binding.open(\n         ^\n\nError: ENOENT: no such file, open '/a'\n    at f (a.ts:1)\n";
  expect(await wordsOf(printed.slice(0, 60), printed.slice(60), "\nNode.js v26.10.0\n")).toBe(
    "Error: ENOENT: no such file, open '/a'",
  );
  expect(await wordsOf("FATAL ERROR: Reached heap limit\n")).toBe("FATAL ERROR: Reached heap limit");
});

test("last words: a process that printed no error has none; what it printed is bounded and harmless", async () => {
  expect(await wordsOf("hello\n")).toBe("");
  expect(new LastWords(null).error).toBe("");
  expect(await wordsOf("x".repeat(1_000_000), `\nTypeError: \u001b[31m${"y".repeat(1000)}\n`)).toMatch(
    /^TypeError: {2}\[31my{250,}$/,
  );
});
