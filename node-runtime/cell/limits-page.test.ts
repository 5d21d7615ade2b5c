import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERROR_CODES, type ErrorCode } from "../../common/error-codes.ts";
import { answerTo } from "./answers.ts";
import { LIMITS } from "./limits.ts";

const RUNTIME = new URL("../", import.meta.url).pathname;
const PAGE = readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8");

test("docs/limits.md: its labels are those that are counted, no more and no fewer", () => {
  const sources = globSync("**/*.ts", { cwd: RUNTIME, exclude: ["**/*.test.ts"] });
  const text = sources.map((file) => readFileSync(`${RUNTIME}${file}`, "utf8")).join("\n");
  const counted = [...text.matchAll(/\.limitHit\("(\w+)"\)/g)].map(([, label]) => label);
  const told = [...PAGE.matchAll(/\| `(\w+)` +\|$/gm)].map(([, label]) => label);
  expect(new Set(told)).toEqual(new Set(counted));
  expect(new Set(told)).toEqual(new Set(LIMITS));
  expect(told).toHaveLength(LIMITS.length);
});

test("docs/limits.md: each code exists, and is answered with the status of its row", () => {
  const rows = PAGE.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const coded = rows.filter(([, , , , code = ""]) => /^`\w+`$/.test(code));
  expect(coded.length).toBeGreaterThan(15);
  for (const [, limit, , answer = "", cell = ""] of coded) {
    const code = cell.slice(1, -1) as ErrorCode;
    expect(ERROR_CODES, limit).toHaveProperty(code);
    const [status] = /\b[45]\d\d\b/.exec(answer) ?? [];
    if (status !== undefined) expect(answerTo(code, "").status, limit).toBe(Number(status));
  }
});
