import { arch, cpus, loadavg, platform, release } from "node:os";
import { COLD_GUESTS, coldArms } from "./scenarios/cold.ts";
import { DEMO_ARMS } from "./scenarios/demo.ts";
import { WARM_ARMS } from "./scenarios/warm.ts";
import { type ArmSummary, cpuMicrosPerRequest, pairedRatio, type Sample, summarizeArms } from "./stats.ts";

/** One number that the project holds itself to; `value` is null where this system can't measure it. */
export interface Goal {
  name: string;
  /** At most this. */
  goal: number;
  value: number | null;
  met: boolean;
  unit: "x" | "s";
}

/** What `-o json` prints. */
export interface Report {
  startedAt: string;
  quick: boolean;
  seconds: number;
  machine: { node: string; v8: string; platform: string; cpu: string; cpus: number; loadAverage: number[] };
  goals: Goal[];
  arms: ArmSummary[];
  samples: Sample[];
}

/** Makes the report of a run. */
export function buildReport(samples: Sample[], run: { startedAt: Date; quick: boolean; seconds: number }): Report {
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
    goals: judgeGoals(samples),
    arms: summarizeArms(samples),
    samples,
  };
}

/** Judges every goal. All are "at most", so that a value that is not a number is never met. */
export function judgeGoals(samples: readonly Sample[]): Goal[] {
  const { bare, request, instance } = WARM_ARMS;
  const warm = [request, instance].flatMap((arm) => [
    judge(`warm request, ${arm}: latency p50 / ${bare}`, 1.5, pairedRatio(samples, arm, bare, 0.5), "x"),
    judge(`warm request, ${arm}: latency p99 / ${bare}`, 2, pairedRatio(samples, arm, bare, 0.99), "x"),
    judge(`warm request, ${arm}: CPU time / ${bare}`, 1.5, cpuRatio(samples, arm, bare), "x"),
  ]);
  const cold = COLD_GUESTS.map((guest) => {
    const arms = coldArms(guest);
    return judge(
      `first request of ${guest} scaled to zero: latency / warm`,
      2,
      pairedRatio(samples, arms.cold, arms.warm, 0.5),
      "x",
    );
  });
  const demo = summarizeArms(samples).find(({ arm }) => arm === DEMO_ARMS.demo)?.p50Micros ?? Number.NaN;
  return [...warm, ...cold, judge("npm run demo to all ready, filled cache: p50", 5, demo / 1e6, "s")];
}

function judge(name: string, goal: number, value: number, unit: Goal["unit"]): Goal {
  return { name, goal, value: Number.isFinite(value) ? value : null, met: value <= goal, unit };
}

function cpuRatio(samples: readonly Sample[], arm: string, peer: string): number {
  const [own, other] = [arm, peer].map((name) => cpuMicrosPerRequest(samples.filter((one) => one.arm === name)));
  return own == null || other == null ? Number.NaN : own / other;
}
