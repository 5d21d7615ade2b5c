import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkPreopens } from "./preopen-check.ts";

const folder = mkdtempSync(join(tmpdir(), "wasmlet-preopen-"));
const file = join(folder, "file");
writeFileSync(file, "");

afterAll(() => rmSync(folder, { recursive: true }));

const preopen = (hostPath: string, writable = false): Parameters<typeof checkPreopens>[0][number] => {
  return { guestPath: "/data", hostPath, writable };
};

test("checkPreopens: folders that are there pass", () => {
  expect(() => checkPreopens([preopen(folder), preopen(folder, true)])).not.toThrow();
});

test.each([
  ["a missing folder", join(folder, "missing"), /cannot be opened: ENOENT/],
  ["a file", file, /is no folder/],
  ["a path below a file", join(file, "x"), /cannot be opened: ENOTDIR/],
])("checkPreopens: %s is APP_FOLDER_MISSING, naming both its paths", (_what, hostPath, says) => {
  const check = (): void => checkPreopens([preopen(folder), preopen(hostPath, true)]);
  expect(check).toThrow(
    expect.objectContaining({ code: "APP_FOLDER_MISSING", details: expect.objectContaining({ where: hostPath }) }),
  );
  expect(check).toThrow(says);
  expect(check).toThrow(`${hostPath}, which the guest sees as /data`);
});

// Root may write anywhere: there is nothing to see for it.
test.skipIf(process.getuid?.() === 0)("checkPreopens: a folder to be written that cannot be is refused", () => {
  const readOnly = join(folder, "read-only");
  mkdirSync(readOnly, { mode: 0o500 });
  expect(() => checkPreopens([preopen(readOnly)])).not.toThrow();
  expect(() => checkPreopens([preopen(readOnly, true)])).toThrow(/cannot be opened: EACCES/);
});
