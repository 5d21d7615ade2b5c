import { expect, test } from "vitest";
import { formatValue } from "./units.ts";

test.each([
  [0.00081, "s", undefined, "810 µs"],
  [1.75, "s", undefined, "1.75 s"],
  [90, "s", undefined, "1.5 min"],
  [0, "s", undefined, "0 ns"],
  [1536, "bytes", undefined, "1.5 KiB"],
  [3 * 2 ** 30, "bytes", undefined, "3 GiB"],
  [0.0312, "percentunit", 2, "3.12%"],
  [17.64, "reqps", undefined, "17.6 req/s"],
  [2161.8, "suffix:x", 0, "2162x"],
  [12_345, "short", undefined, "12.3 K"],
  [1, "bool_yes_no", undefined, "Yes"],
  [Number.NaN, "s", undefined, "–"],
  [undefined, "s", undefined, "–"],
])("value %s in %s with %s decimals: is %s", (value, unit, decimals, words) => {
  expect(formatValue(value, unit, decimals)).toBe(words);
});
