import { expect, test } from "vitest";
import { GuestExit, HostClosedError, WasiError } from "../errors.ts";
import { ERRNO, ErrnoError, errnoOf, errnoOfCode } from "./errno.ts";

test.each([
  ["no-entry", 44],
  ["not-permitted", 63],
  ["read-only", 69],
  ["bad-descriptor", 8],
  ["insufficient-space", 51],
  ["quota", 19],
  ["cross-device", 75],
  ["illegal-byte-sequence", 25],
  ["invalid-seek", 70],
])("errno: %s becomes %i", (code, errno) => {
  expect(errnoOf(new WasiError(code))).toBe(errno);
});

test("errno: two names never share a number", () => {
  const numbers = Object.values(ERRNO);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test("errno: what is no error code has none, inherited property names included", () => {
  expect(errnoOfCode("toString")).toBeUndefined();
  expect(errnoOfCode("no-such-code")).toBeUndefined();
  expect(errnoOfCode({ tag: "closed" })).toBeUndefined();
});

test("errno: an answer to the guest is told apart from a trap", () => {
  expect(errnoOf(new ErrnoError(ERRNO.BADF))).toBe(8);
  for (const trap of [new GuestExit(3), new HostClosedError("closed"), new TypeError("defect"), new WasiError({})]) {
    expect(() => errnoOf(trap)).toThrow(trap);
  }
});
