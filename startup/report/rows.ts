import { formatBytes, formatSeconds } from "../../cli/output.ts";
import { median } from "../../common/statistics.ts";
import type { Comparison } from "../measure.ts";
import { baselineOf, summarizeStarts, type ContenderSummary } from "../summary.ts";

/* What every form of the report tells, as tables of text. */

/** A table: what it is about, its head, its rows. */
export interface ReportTable {
  title: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** Returns the tables of a comparison, those that have something in them. */
export function tablesOf(comparison: Comparison): ReportTable[] {
  const summaries = summarizeStarts(comparison);
  const tables = [
    starts(summaries, baselineOf(comparison)),
    phases(summaries),
    what(summaries),
    speed(comparison),
    reach(comparison),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** Returns what is to be known beside the tables: the machine, the probe's part, what is missing. */
export function notesOf({ startedAt, machine, samples, missing }: Comparison): string[] {
  const probe = samples.map(({ probeSeconds }) => probeSeconds);
  const load = samples.map(({ loadAverage }) => loadAverage);
  return [
    `${startedAt.slice(0, 10)}: ${machine.cpus} CPUs (${machine.cpu}), ${machine.platform}, Node.js ${machine.node}, load average ${median(load).toFixed(1)}.`,
    `The probe's own part in each of these times: ${formatSeconds(median(probe))} (a connection, a request and an answer of a server that does nothing), and up to 1ms where it has to ask again.`,
    ...missing.map(
      ({ contender, part, why }) => `${contender} is left out${part === undefined ? "" : ` of ${part}`}: ${why}.`,
    ),
  ];
}

function starts(summaries: readonly ContenderSummary[], baseline: string): ReportTable {
  return {
    title: "From the request for a start to the first answer",
    head: [
      "start",
      "technology",
      "samples",
      "p50",
      "p90",
      "p99",
      "min",
      `over ${baseline}`,
      "to pull",
      "on disk",
      "memory",
    ],
    rows: summaries.map((row) => [
      row.name,
      row.accelerator === "none" ? row.technology : `${row.technology} (${row.accelerator})`,
      String(row.samples),
      ...[row.p50, row.p90, row.p99, row.min].map(formatSeconds),
      row.ratio === undefined ? "" : `${Number(row.ratio.toPrecision(3))}x`,
      ...[row.pullBytes, row.diskBytes, row.memoryBytes].map((bytes) => (bytes === null ? "" : formatBytes(bytes))),
    ]),
  };
}

function phases(summaries: readonly ContenderSummary[]): ReportTable {
  return {
    title: "Phases (p50)",
    head: ["start", "phases"],
    rows: summaries.map(({ name, phases: own }) => [name, describePhases(own)]),
  };
}

function describePhases(own: Readonly<Record<string, number>>): string {
  return Object.entries(own)
    .map(([phase, seconds]) => `${phase} ${formatSeconds(seconds)}`)
    .join(", ");
}

function what(summaries: readonly ContenderSummary[]): ReportTable {
  return {
    title: "What is started",
    head: ["start", "runtime", "cache", "what"],
    rows: summaries.map((row) => [row.name, row.runtime, row.cache, row.what]),
  };
}

function speed({ speed: speeds }: Comparison): ReportTable {
  const [native] = speeds;
  return {
    title: "CPU time of a computation",
    head: ["program", "first second", "warm", "over native: first second", "warm"],
    rows: speeds.map(({ contender, firstSecond, warm }) => [
      contender,
      formatSeconds(firstSecond),
      formatSeconds(median(warm)),
      `${(firstSecond / native!.firstSecond).toFixed(2)}x`,
      `${median(warm.map((seconds, block) => seconds / native!.warm[block]!)).toFixed(2)}x`,
    ]),
  };
}

function reach({ reach: reached }: Comparison): ReportTable {
  const questions = Object.keys(reached[0]?.findings ?? {});
  return {
    title: "What the program reaches, started like this",
    head: ["it"].concat(reached.map(({ contender }) => contender)),
    rows: questions.map((question) => [question].concat(reached.map(({ findings }) => findings[question] ?? ""))),
  };
}
