import { expect, test } from "vitest";
import { diffLines } from "./line-diff.ts";

test("diff: equal texts differ in nothing", () => {
  expect(diffLines("a\nb\n", "a\nb\n")).toBe("");
});

test("diff: shows what goes and what comes, with two lines around", () => {
  const from = ["1", "2", "3", "4", "old", "6", "7", "8"].join("\n");
  expect(diffLines(from, from.replace("old", "new"))).toBe(["@@", " 3", " 4", "-old", "+new", " 6", " 7"].join("\n"));
});

test("diff: leaves out what is far from a change", () => {
  const lines = Array.from({ length: 20 }, (_, index) => String(index));
  const to = lines.with(1, "x").with(18, "y").join("\n");
  expect(
    diffLines(lines.join("\n"), to)
      .split("\n")
      .filter((line) => line === "@@"),
  ).toHaveLength(2);
});

test("diff: a file that is not there yet comes as a whole", () => {
  expect(diffLines("", "a\nb\n")).toContain("+a\n+b");
});
