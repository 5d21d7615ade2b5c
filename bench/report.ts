import { arch, cpus, loadavg, platform, release } from "node:os";
import { type Goal, judgeGoals } from "./goals.ts";
import type { ScenarioName } from "./options.ts";
import type { Figures, Findings } from "./scenario.ts";
import { type ArmSummary, type Sample, summarizeArms } from "./stats.ts";

/** What `-o json` prints. */
export interface Report {
  startedAt: string;
  quick: boolean;
  seconds: number;
  machine: { node: string; v8: string; platform: string; cpu: string; cpus: number; loadAverage: number[] };
  goals: Goal[];
  /** Peers that are not there, and what differs from an arm's name. */
  notes: string[];
  figures: Partial<Figures>;
  arms: ArmSummary[];
  samples: Sample[];
}

/** Makes the report of a run. */
export function buildReport(
  findings: Findings,
  run: { startedAt: Date; quick: boolean; seconds: number; scenarios: readonly ScenarioName[] },
): Report {
  const { samples, notes, figures = {} } = findings;
  const processors = cpus();
  return {
    startedAt: run.startedAt.toISOString(),
    quick: run.quick,
    seconds: run.seconds,
    machine: {
      node: process.version,
      v8: process.versions.v8,
      platform: `${platform()} ${release()} ${arch()}`,
      cpu: processors[0]?.model.trim() ?? "unknown",
      cpus: processors.length,
      loadAverage: loadavg(),
    },
    goals: judgeGoals(findings, run.scenarios),
    notes,
    figures,
    arms: summarizeArms(samples),
    samples,
  };
}
