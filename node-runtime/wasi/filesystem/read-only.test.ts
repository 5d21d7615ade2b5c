import { readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { WasiError } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { expectCode, makeFolder, openPreopen } from "./test-preopen.ts";
import type { NewTimestamp } from "./types.ts";

const NOW: NewTimestamp = { tag: "now" };

function makeReadOnly(): { folder: string; root: Descriptor; file: Descriptor } {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "hello");
  utimesSync(join(folder, "file"), 100, 200);
  symlinkSync("file", join(folder, "link"));
  const root = openPreopen(folder, false);
  return { folder, root, file: root.openAt({}, "file", {}, { read: true }) };
}

test.each<[title: string, change: (root: Descriptor, file: Descriptor) => unknown]>([
  ["open-at to write", (root) => root.openAt({}, "file", {}, { write: true })],
  ["open-at to read and write", (root) => root.openAt({}, "file", {}, { read: true, write: true })],
  ["open-at with create", (root) => root.openAt({}, "new", { create: true }, { read: true })],
  ["open-at with create of what exists", (root) => root.openAt({}, "file", { create: true }, { read: true })],
  ["open-at with truncate", (root) => root.openAt({}, "file", { truncate: true }, { read: true })],
  ["open-at with mutate-directory", (root) => root.openAt({}, ".", {}, { mutateDirectory: true })],
  ["create-directory-at", (root) => root.createDirectoryAt("new")],
  ["remove-directory-at", (root) => root.removeDirectoryAt("file")],
  ["unlink-file-at", (root) => root.unlinkFileAt("file")],
  ["rename-at", (root) => root.renameAt("file", root, "new")],
  ["link-at", (root) => root.linkAt({}, "file", root, "new")],
  ["symlink-at", (root) => root.symlinkAt("file", "new")],
  ["set-times-at", (root) => root.setTimesAt({}, "file", NOW, NOW)],
  ["set-times-at through a link", (root) => root.setTimesAt({ symlinkFollow: true }, "link", NOW, NOW)],
  ["set-times of the root", (root) => root.setTimes(NOW, NOW)],
  ["set-times", (_root, file) => file.setTimes(NOW, NOW)],
  ["set-size", (_root, file) => file.setSize(0n)],
  ["write-via-stream", (_root, file) => file.writeViaStream(0n)],
  ["append-via-stream", (_root, file) => file.appendViaStream()],
])("contract: a read-only preopen refuses %s", (_title, change) => {
  const { folder, root, file } = makeReadOnly();
  expectCode(() => change(root, file), "read-only");
  expect(readdirSync(folder).sort()).toEqual(["file", "link"]);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("hello");
  expect(statSync(join(folder, "file")).mtimeMs).toBe(200_000);
});

test("contract: a read-only preopen refuses write", async () => {
  const { folder, file } = makeReadOnly();
  await expect(file.write(new Uint8Array(1), 0n)).rejects.toThrow(new WasiError("read-only"));
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("hello");
});

test("a read-only preopen is read as any other", async () => {
  const { root, file } = makeReadOnly();
  expect(Buffer.from((await file.read(10n, 0n))[0]).toString()).toBe("hello");
  expect(root.statAt({ symlinkFollow: true }, "link").size).toBe(5n);
  expect(root.readDirectory().readDirectoryEntry()).toBeDefined();
  expect(root.readlinkAt("link")).toBe("file");
  expect(root.getFlags()).toEqual({ read: true, mutateDirectory: false });
});

test("contract: renames and links between a read-only and a writable descriptor change neither", () => {
  const { root } = makeReadOnly();
  const writable = openPreopen(makeFolder());
  expectCode(() => root.renameAt("file", writable, "stolen"), "read-only");
  expectCode(() => writable.renameAt("file", root, "planted"), "read-only");
  expectCode(() => root.linkAt({}, "file", writable, "stolen"), "read-only");
});
