import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, startTestRuntime, urlOf } from "../harness.ts";

/** Files keep their size, and a bit of each is another: what a bad disk does. */
test.each([
  ["artifacts as they came", "blobs"],
  ["artifacts as prepared", "prepared"],
])("contract: a damaged cache of %s is found out at the next start, and made anew", async (_what, folder) => {
  const cache = makeTemporaryFolder();
  onTestFinished(cache.remove);
  const manifest = appManifest("probe", guestFile("probe"));
  const first = await startTestRuntime([manifest], cache.path);
  await urlOf(first, "probe");
  await first.stop(0);
  const files = filesIn(join(cache.path, folder)).filter((file) => !file.endsWith("prepared.json"));
  expect(files.length).toBeGreaterThan(0);
  const before = files.map((file) => readFileSync(file));
  for (const file of files) flipBit(file);
  // A blob is needed again when what was made of it is gone.
  if (folder === "blobs") for (const file of filesIn(join(cache.path, "prepared"))) writeFileSync(file, "");
  const second = await startTestRuntime([manifest], cache.path);
  onTestFinished(() => second.stop(0));
  expect((await get(`${await urlOf(second, "probe")}/hello`)).body).toBe("Hello from probe\n");
  expect(files.map((file, index) => readFileSync(file).equals(before[index]!))).toEqual(files.map(() => true));
});

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = bytes[middle]! ^ 0x10;
  writeFileSync(file, bytes);
}
