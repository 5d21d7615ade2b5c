import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { codeOf, expectCode, listOpenIn, makeFolder, makePipe, openPreopen } from "./test-preopen.ts";
import type { DescriptorFlags, OpenFlags } from "./types.ts";

/** A folder with a file, a directory, and links to both, to nothing and to the outside. */
function makeObjects(): string {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "hello");
  mkdirSync(join(folder, "dir"));
  symlinkSync("file", join(folder, "to-file"));
  symlinkSync("dir", join(folder, "to-dir"));
  symlinkSync("dir/new", join(folder, "to-new"));
  symlinkSync("../new", join(folder, "to-outside"));
  return folder;
}

const READ: DescriptorFlags = { read: true };
const WRITE: DescriptorFlags = { write: true };

test.each<[path: string, open: OpenFlags, flags: DescriptorFlags, follow: boolean, outcome: string]>([
  ["file", {}, READ, true, "regular-file"],
  ["file", {}, {}, true, "regular-file"],
  ["file", { create: true }, WRITE, true, "regular-file"],
  ["file", { create: true, exclusive: true }, WRITE, true, "exist"],
  ["file", { directory: true }, READ, true, "not-directory"],
  ["file/", {}, READ, true, "not-directory"],
  ["new", {}, READ, true, "no-entry"],
  ["new", { create: true }, WRITE, true, "regular-file"],
  ["new", { create: true, exclusive: true }, WRITE, true, "regular-file"],
  ["new/", { create: true }, WRITE, true, "is-directory"],
  ["missing/new", { create: true }, WRITE, true, "no-entry"],
  ["dir", {}, READ, true, "directory"],
  ["dir", { directory: true }, READ, true, "directory"],
  ["dir/", { directory: true }, READ, true, "directory"],
  [".", { directory: true }, READ, true, "directory"],
  ["dir", {}, WRITE, true, "is-directory"],
  ["dir", { create: true }, READ, true, "is-directory"],
  ["dir", { truncate: true }, READ, true, "is-directory"],
  ["dir", { create: true, exclusive: true }, READ, true, "exist"],
  ["dir2", { create: true, directory: true }, READ, true, "invalid"],
  ["to-file", {}, READ, true, "regular-file"],
  ["to-file", {}, READ, false, "loop"],
  ["to-file", { create: true, exclusive: true }, WRITE, true, "exist"],
  ["to-dir", {}, READ, true, "directory"],
  ["to-dir", {}, READ, false, "loop"],
  ["to-dir/", {}, READ, false, "directory"],
  ["to-new", {}, READ, true, "no-entry"],
  ["to-new", { create: true }, WRITE, true, "regular-file"],
  ["to-new", { create: true, exclusive: true }, WRITE, true, "exist"],
  ["to-outside", { create: true }, WRITE, true, "not-permitted"],
  ["../new", { create: true }, WRITE, true, "not-permitted"],
])("open-at: %s with %j and %j, links followed %j: %s", (path, open, flags, symlinkFollow, outcome) => {
  const root = openPreopen(makeObjects());
  let kind: unknown;
  const code = codeOf(() => {
    kind = root.openAt({ symlinkFollow }, path, open, flags).getType();
  });
  expect(kind ?? code).toBe(outcome);
});

test("open-at: a dangling link creates its target, inside", () => {
  const folder = makeObjects();
  openPreopen(folder).openAt({ symlinkFollow: true }, "to-new", { create: true }, WRITE);
  expect(existsSync(join(folder, "dir", "new"))).toBe(true);
});

test("contract: a refused link to the outside creates nothing there", () => {
  const folder = makeFolder();
  const root = join(folder, "root");
  mkdirSync(root);
  symlinkSync("../new", join(root, "to-outside"));
  const open = { create: true };
  expectCode(() => openPreopen(root).openAt({ symlinkFollow: true }, "to-outside", open, WRITE), "not-permitted");
  expect(existsSync(join(folder, "new"))).toBe(false);
});

test("open-at: truncates, also through a descriptor that may only read", () => {
  const folder = makeObjects();
  const root = openPreopen(folder);
  const file = root.openAt({}, "file", { truncate: true }, READ);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("");
  expectCode(() => file.setSize(3n), "bad-descriptor");
});

test("open-at: the descriptor of a directory opens objects below it, and none above", () => {
  const folder = makeObjects();
  writeFileSync(join(folder, "dir", "inner"), "");
  const dir = openPreopen(folder).openAt({}, "dir", { directory: true }, READ);
  expect(dir.openAt({}, "inner", {}, READ).getType()).toBe("regular-file");
  expectCode(() => dir.openAt({}, "../file", {}, READ), "not-permitted");
});

test("open-at: tells the flags it was opened with; a directory of a writable preopen may be changed", () => {
  const root = openPreopen(makeObjects());
  expect(root.getFlags()).toEqual({ read: true, mutateDirectory: true });
  expect(root.openAt({}, "dir", {}, READ).getFlags()).toMatchObject({ read: true, mutateDirectory: true });
  const flags = { read: true, write: true, fileIntegritySync: true };
  expect(root.openAt({}, "file", {}, flags).getFlags()).toMatchObject({ ...flags, mutateDirectory: false });
});

test("contract: a pipe, a device and a socket are refused without being opened", async () => {
  const folder = makeFolder();
  makePipe(join(folder, "pipe"));
  const server = createServer().listen(join(folder, "socket"));
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const root = openPreopen(folder);
  const devices = openPreopen("/dev");
  for (const flags of [READ, WRITE, { ...READ, ...WRITE }]) {
    expectCode(() => root.openAt({}, "pipe", {}, flags), "not-permitted");
    expectCode(() => root.openAt({}, "socket", {}, flags), "not-permitted");
    expectCode(() => devices.openAt({}, "null", {}, flags), "not-permitted");
  }
  expect(root.statAt({}, "pipe").type).toBe("fifo");
  expect(root.statAt({}, "socket").type).toBe("socket");
  expect(devices.statAt({}, "null").type).toBe("character-device");
  expect(listOpenIn(folder)).toEqual([folder]);
});
