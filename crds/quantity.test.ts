import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDuration, parseQuantity } from "./quantity.ts";

test.each([
  ["64Mi", 67_108_864],
  ["1.5Gi", 1_610_612_736],
  ["1k", 1000],
  ["1Ki", 1024],
  ["0", 0],
  ["100", 100],
  ["1e3", 1000],
  ["1E3", 1000],
  ["1.5e3", 1500],
  ["2E", 2e18],
  [".5Ki", 512],
  ["5.", 5],
  ["+5", 5],
  ["100m", 1],
  ["0.1", 1],
  [4096, 4096],
  [0.5, 1],
] as const)("quantity: %s is %i bytes", (text, bytes) => {
  expect(parseQuantity(text)).toBe(bytes);
});

test.each([
  "",
  "Mi",
  "64 Mi",
  "64MB",
  "64mi",
  "-1",
  "1e",
  "1e3Ki",
  ".",
  "1..5",
  "0x10",
  "1,5Gi",
  "64Mi ",
  -1,
  Number.NaN,
  Infinity,
])("quantity: %s is none", (text) => {
  expect(parseQuantity(text)).toBeUndefined();
});

test("quantity: binary suffixes are powers of 1024", () => {
  const suffixes = ["Ki", "Mi", "Gi", "Ti"];
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4096 }), fc.nat(3), (count, index) => {
      expect(parseQuantity(`${count}${suffixes[index]}`)).toBe(count * 1024 ** (index + 1));
    }),
  );
});

test.each([
  ["50ms", 50],
  ["1s", 1000],
  ["1m30s", 90_000],
  ["1h", 3_600_000],
  ["1.5s", 1500],
  [".5s", 500],
  ["250us", 0.25],
  ["250µs", 0.25],
  ["1ns", 0.000_001],
  ["0", 0],
  ["0s", 0],
])("duration: %s is %d ms", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(["", "5", "s", "1 s", "-1s", "1d", "1s2", "1.s.", "ms50", "1e3s"])("duration: %s is none", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test("duration: the parts of a duration add up", () => {
  fc.assert(
    fc.property(fc.nat(99), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
      expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(((h * 60 + m) * 60 + s) * 1000 + ms);
    }),
  );
});
