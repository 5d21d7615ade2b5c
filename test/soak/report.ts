import { formatTable } from "../../cli/table.ts";
import { findProblems, type SoakResult } from "./soak.ts";

const MIB = 1024 * 1024;
/** Problems that are told each. */
const MAX_PROBLEMS = 20;

/** Returns the account of a soak, for people. */
export function formatResult(result: SoakResult): string {
  const { account, deeds, before, after, minutes, seed } = result;
  const answered = Object.entries(account.answered).toSorted(([one], [other]) => one.localeCompare(other));
  const problems = findProblems(result);
  return [
    `${minutes} min, seed ${seed}\n`,
    formatTable(
      ["requests", ""],
      [
        ["sent", String(account.sent)],
        ...answered.map(([name, count]) => [`answered ${name}`, String(count)]),
        ["failed, their cell was killed", String(account.failedInKilledCell)],
        ["failed, not yet accepted by a cell that was killed", String(account.failedInItsQueue)],
        ["lost", String(account.lost)],
      ],
    ),
    formatTable(
      ["done meanwhile", ""],
      [
        ["cells killed", String(deeds.cellsKilled)],
        ["preparers killed", String(deeds.preparersKilled)],
        ["apps added", String(deeds.appsAdded)],
        ["apps changed", String(deeds.appsChanged)],
        ["artifacts changed", String(deeds.artifactsChanged)],
        ["apps removed", String(deeds.appsRemoved)],
      ],
    ),
    formatTable(
      ["the supervisor's", "at the start", "at the end"],
      [
        ["descriptors", String(before.descriptors), String(after.descriptors)],
        ["resident memory", formatMib(before.residentBytes), formatMib(after.residentBytes)],
        ["cells", String(before.cells), String(after.cells)],
        ["preparers", String(before.preparers), String(after.preparers)],
      ],
    ),
    problems.length === 0 ? "Nothing is lost, and nothing is left behind.\n" : tell(problems),
  ].join("\n");
}

function tell(problems: readonly string[]): string {
  const more = problems.length - MAX_PROBLEMS;
  const told = problems.slice(0, MAX_PROBLEMS).map((problem) => `${problem}\n`);
  return told.join("") + (more > 0 ? `and ${more} more\n` : "");
}

function formatMib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
