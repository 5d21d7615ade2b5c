import { closeSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { WasiError } from "../errors.ts";
import { openHostDirectory } from "./proc-fd.ts";
import { Walk } from "./resolver.ts";
import { codeOf, expectCode, listOpenIn, makeFolder, makePipe } from "./test-preopen.ts";

/**
 * A root with links of all kinds, inside folders that hold the same names as the root, so that a walk that leaves it
 * finds something.
 */
function makeMaze(): { folder: string; root: string } {
  const folder = makeFolder();
  const root = join(folder, "outer", "root");
  for (const place of [folder, join(folder, "outer"), root]) {
    mkdirSync(join(place, "a", "b"), { recursive: true });
    writeFileSync(join(place, "file"), place);
    writeFileSync(join(place, "a", "file"), place);
  }
  const links = {
    "to-file": "file",
    "to-a": "a",
    "to-a-slash": "a/",
    "to-b-by-up": "a/b/../b",
    "a/up": "..",
    "a/b/up2": "../../file",
    chain: "chain1",
    chain1: "chain2",
    chain2: "a/file",
    absolute: "/etc",
    "absolute-root": "/",
    above: "..",
    "above-file": "../file",
    "far-above": "../../../../../../../../etc/passwd",
    "a/above": "../..",
    "chain-out": "to-above",
    "to-above": "a/above/file",
    self: "self",
    ping: "pong",
    pong: "ping",
    dangling: "nothing",
  };
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(root, path));
  return { folder, root };
}

/** Walks as `open-at` would; returns the inode found, undefined for a missing last name. */
function walkTo(rootFd: number, path: string, follow = true): bigint | undefined {
  using walk = new Walk(rootFd, path);
  const found = walk.find(follow);
  if (found !== undefined) closeSync(found.fd);
  return found?.stats.ino;
}

function inodeOf(path: string): bigint {
  return lstatSync(path, { bigint: true }).ino;
}

/** Returns the inodes of `folder` and of all in it, links not followed. */
function listInodes(folder: string): Set<bigint> {
  const inodes = new Set([inodeOf(folder)]);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    for (const inode of entry.isDirectory() ? listInodes(path) : [inodeOf(path)]) inodes.add(inode);
  }
  return inodes;
}

test.each([
  ["file", "file"],
  [".", "."],
  ["./", "."],
  ["a/..", "."],
  ["a/b/../..", "."],
  ["a/./b//../file", "a/file"],
  ["to-file", "file"],
  ["to-a/file", "a/file"],
  ["to-a-slash/b", "a/b"],
  ["to-b-by-up", "a/b"],
  ["a/up/file", "file"],
  ["a/b/up2", "file"],
  ["chain", "a/file"],
  ["a/", "a"],
  ["to-a/", "a"],
  ["to-a/../file", "file"],
])("walk: %s leads to %s", (path, place) => {
  const { root } = makeMaze();
  const rootFd = openHostDirectory(root);
  expect(walkTo(rootFd, path)).toBe(inodeOf(join(root, place)));
  closeSync(rootFd);
});

test.each([
  ["/etc/passwd", "not-permitted"],
  ["..", "not-permitted"],
  ["../file", "not-permitted"],
  ["../root/file", "not-permitted"],
  ["../../../../etc/passwd", "not-permitted"],
  ["a/../../file", "not-permitted"],
  ["./a/b/../../../file", "not-permitted"],
  ["absolute", "not-permitted"],
  ["absolute/passwd", "not-permitted"],
  ["absolute-root/etc/passwd", "not-permitted"],
  ["above", "not-permitted"],
  ["above/file", "not-permitted"],
  ["above-file", "not-permitted"],
  ["far-above", "not-permitted"],
  ["a/above/file", "not-permitted"],
  ["chain-out", "not-permitted"],
  ["self", "loop"],
  ["self/file", "loop"],
  ["ping", "loop"],
  ["file/", "not-directory"],
  ["file/.", "not-directory"],
  ["file/..", "not-directory"],
  ["file/x", "not-directory"],
  ["to-file/", "not-directory"],
  ["nothing/file", "no-entry"],
  ["dangling/file", "no-entry"],
  ["", "no-entry"],
  ["fi\0le", "invalid"],
] as const)("contract: %j is refused with %s", (path, code) => {
  const { root } = makeMaze();
  const rootFd = openHostDirectory(root);
  expectCode(() => walkTo(rootFd, path), code);
  closeSync(rootFd);
});

test.each(["nothing", "dangling", "a/b/nothing"])("walk: %s is missing at its last name only", (path) => {
  const { root } = makeMaze();
  const rootFd = openHostDirectory(root);
  expect(walkTo(rootFd, path)).toBeUndefined();
  closeSync(rootFd);
});

test.each(["to-file", "absolute", "above", "self", "dangling"])("walk: %s is itself when not followed", (path) => {
  const { root } = makeMaze();
  const rootFd = openHostDirectory(root);
  expect(walkTo(rootFd, path, false)).toBe(inodeOf(join(root, path)));
  closeSync(rootFd);
});

test("walk: 40 links in a row are followed, 41 are a loop", () => {
  const root = makeFolder();
  writeFileSync(join(root, "link0"), "");
  for (let n = 1; n <= 41; n += 1) symlinkSync(`link${n - 1}`, join(root, `link${n}`));
  const rootFd = openHostDirectory(root);
  expect(walkTo(rootFd, "link40")).toBe(inodeOf(join(root, "link0")));
  expectCode(() => walkTo(rootFd, "link41"), "loop");
  closeSync(rootFd);
});

test("walk: a path of many directories is bounded in depth and in steps", () => {
  const { root } = makeMaze();
  const rootFd = openHostDirectory(root);
  symlinkSync("a/../".repeat(800), join(root, "long"));
  expect(walkTo(rootFd, "long")).toBe(inodeOf(root));
  expectCode(() => walkTo(rootFd, "long/long/long/long"), "name-too-long");
  mkdirSync(join(root, ...Array.from({ length: 257 }, () => "d")), { recursive: true });
  expect(walkTo(rootFd, "d/".repeat(256))).toBeTypeOf("bigint");
  expectCode(() => walkTo(rootFd, `${"d/".repeat(257)}x`), "name-too-long");
  closeSync(rootFd);
});

test.each([256, 5000])("walk: a name of %i bytes is too long", (length) => {
  const rootFd = openHostDirectory(makeFolder());
  expectCode(() => walkTo(rootFd, "x".repeat(length)), "name-too-long");
  closeSync(rootFd);
});

test("walk: a link target that is not Unicode is refused", () => {
  const root = makeFolder();
  symlinkSync(Buffer.from([0xff, 0xfe]), join(root, "odd"));
  const rootFd = openHostDirectory(root);
  expectCode(() => walkTo(rootFd, "odd"), "illegal-byte-sequence");
  closeSync(rootFd);
});

test("walk: names a pipe without waiting for its other end", () => {
  const root = makeFolder();
  makePipe(join(root, "pipe"));
  const rootFd = openHostDirectory(root);
  expect(walkTo(rootFd, "pipe")).toBe(inodeOf(join(root, "pipe")));
  closeSync(rootFd);
});

test("contract: no path leads to an object outside the root, and none leaves a descriptor open", () => {
  const { folder, root } = makeMaze();
  const inside = listInodes(root);
  const rootFd = openHostDirectory(root);
  const names = ["..", ".", "", "nothing", ...readdirSync(root), "b", "up", "up2"];
  const path = fc.oneof(
    fc.array(fc.constantFrom(...names), { maxLength: 12 }).map((parts) => parts.join("/")),
    fc.array(fc.oneof(fc.constantFrom(...names), fc.string({ unit: "binary", maxLength: 8 }))).map((p) => p.join("/")),
  );
  let arrived = 0;
  fc.assert(
    fc.property(path, fc.boolean(), (path, follow) => {
      let inode: bigint | undefined;
      const code = codeOf(() => {
        inode = walkTo(rootFd, path, follow);
      });
      if (inode !== undefined) arrived += 1;
      return code !== "done" || inode === undefined || inside.has(inode);
    }),
    { numRuns: 5000 },
  );
  expect(arrived).toBeGreaterThan(100);
  expect(listOpenIn(folder)).toEqual([root]);
  closeSync(rootFd);
});

test("walk: an error of the walk is a WASI error without the host's path", () => {
  const { root } = makeMaze();
  const rootFd = openHostDirectory(root);
  expect(() => walkTo(rootFd, "nothing/file")).toThrow(WasiError);
  expect(() => walkTo(rootFd, "nothing/file")).toThrow(/^WASI error no-entry$/);
  closeSync(rootFd);
});
