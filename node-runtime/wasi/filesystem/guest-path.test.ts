import { expect, test } from "vitest";
import { decodeHostName, parseGuestPath } from "./guest-path.ts";
import { expectCode } from "./test-preopen.ts";

test.each([
  ["a", ["a"], false],
  ["a/b", ["a", "b"], false],
  ["a//b", ["a", "b"], false],
  ["./a/./b", ["a", "b"], false],
  ["a/b/", ["a", "b"], true],
  ["a/.", ["a", "."], false],
  [".", ["."], false],
  ["..", [".."], false],
  ["a/../b", ["a", "..", "b"], false],
])("parseGuestPath: takes %j apart", (path, segments, trailingSlash) => {
  expect(parseGuestPath(path)).toEqual({ segments, trailingSlash });
});

test.each([
  ["", "no-entry"],
  ["/", "not-permitted"],
  ["/etc/passwd", "not-permitted"],
  ["//a", "not-permitted"],
  ["a\0b", "invalid"],
  ["a/\ud800", "illegal-byte-sequence"],
] as const)("parseGuestPath: refuses %j", (path, code) => {
  expectCode(() => parseGuestPath(path), code);
});

test("parseGuestPath: accepts 4096 bytes and no more", () => {
  expectCode(() => parseGuestPath("x".repeat(4097)), "name-too-long");
  expectCode(() => parseGuestPath("ü".repeat(2049)), "name-too-long");
  expect(parseGuestPath("ü".repeat(2048)).segments).toHaveLength(1);
});

test("decodeHostName: refuses bytes that are not UTF-8 and keeps a byte order mark", () => {
  expectCode(() => decodeHostName(Uint8Array.of(0x61, 0xff)), "illegal-byte-sequence");
  expect(decodeHostName(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
});
