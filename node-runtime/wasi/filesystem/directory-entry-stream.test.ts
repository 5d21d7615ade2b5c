import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Descriptor } from "./descriptor.ts";
import { codeOf, listOpenIn, makeFolder, openPreopen } from "./test-preopen.ts";
import type { DirectoryEntry } from "./types.ts";

function listAll(directory: Descriptor): DirectoryEntry[] {
  using stream = directory.readDirectory();
  const entries: DirectoryEntry[] = [];
  for (let entry = stream.readDirectoryEntry(); entry !== undefined; entry = stream.readDirectoryEntry()) {
    entries.push(entry);
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

test("read-directory: tells names and types, without `.` and `..`", () => {
  const folder = makeFolder();
  mkdirSync(join(folder, "dir"));
  writeFileSync(join(folder, "größe"), "");
  symlinkSync("/etc", join(folder, "link"));
  expect(listAll(openPreopen(folder))).toEqual([
    { name: "dir", type: "directory" },
    { name: "größe", type: "regular-file" },
    { name: "link", type: "symbolic-link" },
  ]);
});

test("read-directory: tells every entry of a large directory, and starts anew each time", () => {
  const folder = makeFolder();
  const names = Array.from({ length: 1000 }, (_, index) => `file${index}`).sort();
  for (const name of names) writeFileSync(join(folder, name), "");
  const root = openPreopen(folder);
  expect(listAll(root).map((entry) => entry.name)).toEqual(names);
  expect(listAll(root)).toHaveLength(1000);
});

test("read-directory: a name that is not Unicode is an error of its own, and the others follow", () => {
  const folder = makeFolder();
  for (const name of ["a", "b", "c"]) writeFileSync(join(folder, name), "");
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x62, 0xff])]), "");
  const stream = openPreopen(folder).readDirectory();
  const outcomes: unknown[] = [];
  for (let index = 0; index < 5; index += 1) {
    let name: string | undefined;
    const code = codeOf(() => {
      name = stream.readDirectoryEntry()?.name;
    });
    outcomes.push(code === "done" ? name : code);
  }
  expect(outcomes.pop()).toBeUndefined();
  expect(outcomes.map(String).sort()).toEqual(["a", "b", "c", "illegal-byte-sequence"]);
});

test("read-directory: goes on after the descriptor is dropped, and ends for good", () => {
  const folder = makeFolder();
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub", "file"), "");
  const root = openPreopen(folder);
  const sub = root.openAt({}, "sub", {}, { read: true });
  const stream = sub.readDirectory();
  sub[Symbol.dispose]();
  expect(stream.readDirectoryEntry()).toEqual({ name: "file", type: "regular-file" });
  expect(stream.readDirectoryEntry()).toBeUndefined();
  stream[Symbol.dispose]();
  expect(stream.readDirectoryEntry()).toBeUndefined();
  expect(listOpenIn(folder)).toEqual([folder]);
});
