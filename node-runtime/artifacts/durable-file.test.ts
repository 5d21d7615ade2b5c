import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { writeDurably } from "./durable-file.ts";

const MEBIBYTE = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), "wasmlet-durable-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;
function newFile(): string {
  return join(root, `file-${files++}`);
}

async function* pieces(lengths: readonly number[], failure?: Error): AsyncGenerator<Uint8Array> {
  for (const [index, length] of lengths.entries()) yield await Promise.resolve(Buffer.alloc(length, index + 1));
  if (failure !== undefined) throw failure;
}

test("writeDurably: the file has what came, however it was cut", async () => {
  const length = fc.oneof(fc.nat(2000), fc.nat(3 * MEBIBYTE));
  await fc.assert(
    fc.asyncProperty(fc.array(length, { maxLength: 8 }), async (lengths) => {
      const file = newFile();
      const whole = Buffer.concat(lengths.map((length, index) => Buffer.alloc(length, index + 1)));
      expect(await writeDurably(file, pieces(lengths))).toBe(whole.length);
      expect(readFileSync(file).equals(whole)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test("writeDurably: a file that is brought to the disk many times on the way is whole", async () => {
  const file = newFile();
  const lengths = Array.from({ length: 40 }, () => MEBIBYTE + 1);
  expect(await writeDurably(file, pieces(lengths))).toBe(40 * (MEBIBYTE + 1));
  const written = readFileSync(file);
  for (const [index, length] of lengths.entries()) expect(written[index * length]).toBe(index + 1);
});

test("writeDurably: what fails to come is what it throws, after large pieces too", async () => {
  const failure = new Error("broken off");
  const lengths = Array.from({ length: 20 }, () => MEBIBYTE);
  await expect(writeDurably(newFile(), pieces(lengths, failure))).rejects.toBe(failure);
});

test("writeDurably: a file that is there already is not written over", async () => {
  const file = newFile();
  await writeDurably(file, pieces([1]));
  await expect(writeDurably(file, pieces([2]))).rejects.toHaveProperty("code", "EEXIST");
  expect(readFileSync(file)).toHaveLength(1);
});
