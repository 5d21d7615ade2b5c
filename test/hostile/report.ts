import { loadavg } from "node:os";
import { formatSeconds } from "../../cli/output.ts";
import { formatTable } from "../../cli/table.ts";
import { percentile } from "../../common/statistics.ts";
import type { BystanderView } from "./bystanders.ts";
import type { Verdict } from "./runner.ts";

/** What is to hold: the time of a guest that is stopped is free this long after its deadline. */
const FREED_GOAL_MS = 250;
/** How much longer bystanders may take than when nobody is hostile. */
const BYSTANDER_GOAL = 2;
const HELD_MS = 100;

/** All that a run found, for people and for programs. */
export interface Report {
  kinds: KindReport[];
  summary: {
    kinds: number;
    contained: number;
    freedP50Ms: number;
    freedP99Ms: number;
    bystanderRequests: number;
    bystanderFailures: number;
    quietP99Ms: number;
    bystanderP99Ms: number;
    bystanderRatio: number;
    /** Kinds beside which a bystander's request took longer than `HELD_MS`: they had the thread meanwhile. */
    holdingThread: number;
    loadAverage: number;
  };
}

interface KindReport {
  name: string;
  tries: string;
  outcome: string;
  contained: boolean;
  /** Why it is not, or what is not as it is known to be. */
  why: string[];
  freedMs: number | null;
  bystanderRequests: number;
  bystanderFailures: number;
  bystanderP99Ms: number;
}

/** Reduces the verdicts of a run. */
export function buildReport(verdicts: readonly Verdict[], quiet: BystanderView): Report {
  const freed = verdicts.flatMap(({ freedMs }) => freedMs ?? []);
  const latencies = verdicts.flatMap(({ bystanders }) => bystanders.latenciesMs);
  const kinds = verdicts.map(reportKind);
  const quietP99Ms = percentile(quiet.latenciesMs, 0.99);
  const bystanderP99Ms = percentile(latencies, 0.99);
  return {
    kinds,
    summary: {
      kinds: kinds.length,
      contained: kinds.filter(({ contained }) => contained).length,
      freedP50Ms: percentile(freed, 0.5),
      freedP99Ms: percentile(freed, 0.99),
      bystanderRequests: latencies.length,
      bystanderFailures: verdicts.reduce((sum, { bystanders }) => sum + bystanders.failures.length, 0),
      quietP99Ms,
      bystanderP99Ms,
      bystanderRatio: bystanderP99Ms / quietP99Ms,
      holdingThread: verdicts.filter(({ bystanders }) => Math.max(...bystanders.latenciesMs) > HELD_MS).length,
      loadAverage: loadavg()[0] ?? Number.NaN,
    },
  };
}

function reportKind({ kind, outcome, problems, freedMs, bystanders }: Verdict): KindReport {
  return {
    name: kind.name,
    tries: kind.tries,
    outcome: outcome.trim(),
    contained: problems.length === 0 && kind.gap === undefined,
    why: [...(kind.gap === undefined ? [] : [kind.gap.why]), ...problems],
    freedMs: freedMs ?? null,
    bystanderRequests: bystanders.latenciesMs.length,
    bystanderFailures: bystanders.failures.length,
    bystanderP99Ms: percentile(bystanders.latenciesMs, 0.99),
  };
}

/** Returns the report for people. */
export function formatReport({ kinds, summary }: Report): string {
  const head = ["kind", "tries", "outcome", "freed", "bystanders p99", "failed", "contained"];
  return `${formatTable(head, kinds.map(kindRow))}\n${formatSummary(summary)}`;
}

function kindRow(kind: KindReport): string[] {
  return [
    kind.name,
    kind.tries,
    kind.outcome.slice(0, 48),
    formatMs(kind.freedMs),
    formatMs(kind.bystanderP99Ms),
    String(kind.bystanderFailures),
    kind.contained ? "yes" : `NOT CONTAINED: ${kind.why.join("; ")}`,
  ];
}

function formatSummary(summary: Report["summary"]): string {
  const { kinds, contained, bystanderRequests, bystanderFailures } = summary;
  return formatTable(
    ["goal", "bound", "measured"],
    [
      ["kinds contained", `all of ${kinds}`, String(contained)],
      ["freed after the deadline, p99", `<= ${FREED_GOAL_MS}ms`, formatMs(summary.freedP99Ms)],
      ["bystanders' requests that failed", "0", `${bystanderFailures} of ${bystanderRequests}`],
      [
        "bystanders' p99, all kinds together",
        `<= ${BYSTANDER_GOAL}x of ${formatMs(summary.quietP99Ms)}`,
        `${formatMs(summary.bystanderP99Ms)}, ${summary.bystanderRatio.toFixed(1)}x`,
      ],
      [`kinds that hold the thread for more than ${HELD_MS}ms`, "0", String(summary.holdingThread)],
      ["load average at the end", "", summary.loadAverage.toFixed(1)],
    ],
  );
}

function formatMs(ms: number | null): string {
  return ms === null || Number.isNaN(ms) ? "" : formatSeconds(ms / 1000);
}
