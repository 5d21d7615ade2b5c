import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Descriptor } from "./descriptor.ts";
import { codeOf, expectCode, makeFolder, openPreopen } from "./test-preopen.ts";

function makeObjects(): { folder: string; root: Descriptor } {
  const outer = makeFolder();
  const folder = join(outer, "root");
  mkdirSync(join(folder, "dir", "inner"), { recursive: true });
  mkdirSync(join(folder, "empty"));
  writeFileSync(join(folder, "file"), "hello");
  writeFileSync(join(folder, "dir", "file"), "inner");
  writeFileSync(join(outer, "outside"), "");
  symlinkSync("dir", join(folder, "to-dir"));
  symlinkSync("file", join(folder, "to-file"));
  symlinkSync("..", join(folder, "above"));
  symlinkSync("/etc", join(folder, "absolute"));
  return { folder, root: openPreopen(folder) };
}

type Change = (root: Descriptor) => void;

test.each<[title: string, change: Change, outcome: string]>([
  ["create-directory new", (root) => root.createDirectoryAt("new"), "done"],
  ["create-directory new/", (root) => root.createDirectoryAt("new/"), "done"],
  ["create-directory dir", (root) => root.createDirectoryAt("dir"), "exist"],
  ["create-directory .", (root) => root.createDirectoryAt("."), "exist"],
  ["create-directory to-dir/new", (root) => root.createDirectoryAt("to-dir/new"), "done"],
  ["create-directory file/new", (root) => root.createDirectoryAt("file/new"), "not-directory"],
  ["create-directory ../new", (root) => root.createDirectoryAt("../new"), "not-permitted"],
  ["create-directory above/new", (root) => root.createDirectoryAt("above/new"), "not-permitted"],
  ["create-directory /new", (root) => root.createDirectoryAt("/new"), "not-permitted"],
  ["remove-directory empty", (root) => root.removeDirectoryAt("empty"), "done"],
  ["remove-directory empty/", (root) => root.removeDirectoryAt("empty/"), "done"],
  ["remove-directory dir", (root) => root.removeDirectoryAt("dir"), "not-empty"],
  ["remove-directory file", (root) => root.removeDirectoryAt("file"), "not-directory"],
  ["remove-directory to-dir", (root) => root.removeDirectoryAt("to-dir"), "not-directory"],
  ["remove-directory .", (root) => root.removeDirectoryAt("."), "invalid"],
  ["remove-directory dir/..", (root) => root.removeDirectoryAt("dir/.."), "invalid"],
  ["remove-directory missing", (root) => root.removeDirectoryAt("missing"), "no-entry"],
  ["unlink-file file", (root) => root.unlinkFileAt("file"), "done"],
  ["unlink-file to-dir", (root) => root.unlinkFileAt("to-dir"), "done"],
  ["unlink-file absolute", (root) => root.unlinkFileAt("absolute"), "done"],
  ["unlink-file dir", (root) => root.unlinkFileAt("dir"), "is-directory"],
  ["unlink-file dir/", (root) => root.unlinkFileAt("dir/"), "is-directory"],
  ["unlink-file file/", (root) => root.unlinkFileAt("file/"), "not-directory"],
  ["unlink-file to-dir/", (root) => root.unlinkFileAt("to-dir/"), "not-directory"],
  ["unlink-file missing/", (root) => root.unlinkFileAt("missing/"), "no-entry"],
  ["unlink-file above/outside", (root) => root.unlinkFileAt("above/outside"), "not-permitted"],
  ["unlink-file ../outside", (root) => root.unlinkFileAt("../outside"), "not-permitted"],
  ["rename file new", (root) => root.renameAt("file", root, "new"), "done"],
  ["rename file dir/file", (root) => root.renameAt("file", root, "dir/file"), "done"],
  ["rename dir/ new/", (root) => root.renameAt("dir/", root, "new/"), "done"],
  ["rename dir empty", (root) => root.renameAt("dir", root, "empty"), "done"],
  ["rename empty dir", (root) => root.renameAt("empty", root, "dir"), "not-empty"],
  ["rename dir file", (root) => root.renameAt("dir", root, "file"), "not-directory"],
  ["rename file dir", (root) => root.renameAt("file", root, "dir"), "is-directory"],
  ["rename file/ new", (root) => root.renameAt("file/", root, "new"), "not-directory"],
  ["rename file new/", (root) => root.renameAt("file", root, "new/"), "not-directory"],
  ["rename dir dir/inner/new", (root) => root.renameAt("dir", root, "dir/inner/new"), "invalid"],
  ["rename . new", (root) => root.renameAt(".", root, "new"), "invalid"],
  ["rename missing new", (root) => root.renameAt("missing", root, "new"), "no-entry"],
  ["rename file ../new", (root) => root.renameAt("file", root, "../new"), "not-permitted"],
  ["rename ../outside new", (root) => root.renameAt("../outside", root, "new"), "not-permitted"],
  ["rename above/outside new", (root) => root.renameAt("above/outside", root, "new"), "not-permitted"],
  ["symlink file new", (root) => root.symlinkAt("file", "new"), "done"],
  ["symlink nothing new", (root) => root.symlinkAt("nothing", "new"), "done"],
  ["symlink file file", (root) => root.symlinkAt("nothing", "file"), "exist"],
  ["symlink file dir/", (root) => root.symlinkAt("file", "dir/"), "exist"],
  ["symlink file new/", (root) => root.symlinkAt("file", "new/"), "no-entry"],
  ["symlink /etc new", (root) => root.symlinkAt("/etc", "new"), "not-permitted"],
  ["symlink '' new", (root) => root.symlinkAt("", "new"), "no-entry"],
  ["symlink with a NUL", (root) => root.symlinkAt("a\0b", "new"), "invalid"],
  ["symlink file ../new", (root) => root.symlinkAt("file", "../new"), "not-permitted"],
  ["link file new", (root) => root.linkAt({}, "file", root, "new"), "done"],
  ["link file dir/file", (root) => root.linkAt({}, "file", root, "dir/file"), "exist"],
  ["link to-file new", (root) => root.linkAt({}, "to-file", root, "new"), "done"],
  ["link dir new", (root) => root.linkAt({}, "dir", root, "new"), "not-permitted"],
  ["link file/ new", (root) => root.linkAt({}, "file/", root, "new"), "not-directory"],
  ["link file new/", (root) => root.linkAt({}, "file", root, "new/"), "no-entry"],
  ["link ../outside new", (root) => root.linkAt({}, "../outside", root, "new"), "not-permitted"],
  ["link above/outside new", (root) => root.linkAt({}, "above/outside", root, "new"), "not-permitted"],
  ["link file ../new", (root) => root.linkAt({}, "file", root, "../new"), "not-permitted"],
])("change: %s: %s", (_title, change, outcome) => {
  const { folder, root } = makeObjects();
  expect(codeOf(() => change(root))).toBe(outcome);
  expect(existsSync(join(folder, "..", "outside"))).toBe(true);
  expect(existsSync(join(folder, "..", "new"))).toBe(false);
});

test("changes: do what they say on the host", () => {
  const { folder, root } = makeObjects();
  root.createDirectoryAt("made");
  expect(statSync(join(folder, "made")).isDirectory()).toBe(true);
  root.renameAt("file", root, "made/moved");
  expect(readFileSync(join(folder, "made/moved"), "utf8")).toBe("hello");
  root.linkAt({}, "made/moved", root, "linked");
  expect(statSync(join(folder, "linked")).nlink).toBe(2);
  root.symlinkAt("made/../linked", "to-linked");
  expect(readlinkSync(join(folder, "to-linked"))).toBe("made/../linked");
  root.unlinkFileAt("linked");
  root.removeDirectoryAt("empty");
  expect(existsSync(join(folder, "linked")) || existsSync(join(folder, "empty"))).toBe(false);
});

test("rename-at and link-at: work between two descriptors of one preopen", () => {
  const { folder, root } = makeObjects();
  const dir = root.openAt({}, "dir", { directory: true }, { read: true });
  const inner = dir.openAt({}, "inner", { directory: true }, { read: true });
  dir.renameAt("file", inner, "moved");
  inner.linkAt({}, "moved", root, "linked");
  expect(readFileSync(join(folder, "linked"), "utf8")).toBe("inner");
});

test("link-at: links a link itself, or what it leads to when asked to follow", () => {
  const { folder, root } = makeObjects();
  root.linkAt({}, "to-file", root, "same-link");
  root.linkAt({ symlinkFollow: true }, "to-file", root, "same-file");
  expect(readlinkSync(join(folder, "same-link"))).toBe("file");
  expect(statSync(join(folder, "file")).nlink).toBe(2);
  expectCode(() => root.linkAt({ symlinkFollow: true }, "absolute", root, "etc"), "not-permitted");
});

test.each([
  ["to-dir", "dir"],
  ["above", ".."],
])("readlink-at: %s leads to %s", (path, target) => {
  expect(makeObjects().root.readlinkAt(path)).toBe(target);
});

test.each([
  ["absolute", "not-permitted"],
  ["file", "invalid"],
  ["dir", "invalid"],
  [".", "invalid"],
  ["missing", "no-entry"],
  ["../root/to-dir", "not-permitted"],
] as const)("readlink-at: %s is refused with %s", (path, code) => {
  const { root } = makeObjects();
  expectCode(() => root.readlinkAt(path), code);
});

test("a directory that was removed while it is open takes no new entries", () => {
  const { root } = makeObjects();
  const dir = root.openAt({}, "empty", { directory: true }, { read: true });
  root.removeDirectoryAt("empty");
  expectCode(() => dir.createDirectoryAt("new"), "no-entry");
});
