import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HeldFd } from "./held-fd.ts";
import { listOpenIn, makeFolder } from "./test-preopen.ts";

function holdFile(): { held: HeldFd; folder: string } {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  return { held: new HeldFd(openSync(join(folder, "file"), "r")), folder };
}

test("held descriptor: is closed by its last user", () => {
  const { held, folder } = holdFile();
  held.retain();
  held.release();
  expect(listOpenIn(folder)).toHaveLength(1);
  held.release();
  expect(listOpenIn(folder)).toEqual([]);
});

test("held descriptor: stays open while an operation is under way, so that its number names no other file", async () => {
  const { held, folder } = holdFile();
  const gate = Promise.withResolvers<void>();
  const operation = held.use(() => gate.promise);
  held.release();
  expect(listOpenIn(folder)).toHaveLength(1);
  gate.resolve();
  await operation;
  expect(listOpenIn(folder)).toEqual([]);
});

test("held descriptor: is released by an operation that fails", async () => {
  const { held, folder } = holdFile();
  const operation = held.use(() => Promise.reject(new Error("failed")));
  held.release();
  await expect(operation).rejects.toThrow("failed");
  expect(listOpenIn(folder)).toEqual([]);
});
