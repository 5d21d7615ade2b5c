import { expect, test } from "vitest";
import { formatPage, formatReport } from "./format.ts";
import type { Goal } from "./goals.ts";
import { SCENARIO_NAMES } from "./options.ts";
import { buildReport, type Report } from "./report.ts";

function reportOf(goals: Goal[], notes: string[] = []): Report {
  const run = { startedAt: new Date(0), quick: false, seconds: 754, scenarios: [] };
  return { ...buildReport({ samples: [], notes }, run), goals };
}

function goalOf(changes: Partial<Goal>): Goal {
  return {
    name: "CPU / peer",
    bound: "at most",
    goal: 1.15,
    value: 1.2,
    met: false,
    unit: "x",
    spread: null,
    ...changes,
  };
}

/** The cells of a page's row that begins with `name`. */
function rowOf(report: Report, name: string): string[] | undefined {
  const row = formatPage(report)
    .split("\n")
    .find((line) => line.startsWith(`| ${name} `));
  return row
    ?.split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

test.each<[string, Partial<Goal>, string[]]>([
  ["a ratio", { spread: { low: 1.1, high: 1.2345 } }, ["at most 1.15x", "1.2x", "1.1x to 1.23x", "no"]],
  ["a time", { unit: "s", goal: 0.001, value: 0.00081, met: true }, ["at most 1.0ms", "810µs", "", "yes"]],
  [
    "a number of things",
    { unit: "", bound: "at least", goal: 14_000, value: 14_523 },
    ["at least 14000", "14523", "", "no"],
  ],
  ["no value", { value: null }, ["at most 1.15x", "not measured", "", "no"]],
])("page: a goal of %s has a row with its bound, value and spread", (_, changes, cells) => {
  expect(rowOf(reportOf([goalOf(changes)]), "CPU / peer")).toEqual(["CPU / peer", ...cells]);
});

test("page: says where Wasmlet loses, and nothing of goals that are met", () => {
  const goals = [goalOf({ name: "lost" }), goalOf({ name: "won", value: 1, met: true })];
  const [, losses = ""] = /## Where Wasmlet loses\n\n(.*?)\n\n/s.exec(formatPage(reportOf(goals))) ?? [];
  expect(losses).toBe("- lost: 1.2x, and should be at most 1.15x.");
});

test("page: describes every scenario", () => {
  const page = formatPage(reportOf([]));
  const described = { ...Object.fromEntries(SCENARIO_NAMES.map((name) => [name, name])), ...DESCRIBED_AS };
  for (const title of Object.values(described)) expect(page).toContain(`**${title}**`);
});

/** Scenarios whose samples have another name than the command line. */
const DESCRIBED_AS = {
  pristine: "in-process pristine",
  "pristine-live": "in-process pristine",
  "new-bytes": "new bytes",
  cold: "first request",
  checks: "epoch checks",
};

test("report: ends with the notes", () => {
  expect(formatReport(reportOf([], ["workerd is not measured: none"]))).toMatch(/workerd is not measured: none\n$/);
});
