import { type Image, IMAGES } from "./load/block.ts";
import type { ScenarioName } from "./options.ts";
import type { Figures, Findings } from "./scenario.ts";
import { checkCosts } from "./scenarios/checks.ts";
import { COLD_GUESTS, coldArms, ISOLATE_ARM } from "./scenarios/cold.ts";
import { DEMO_ARMS } from "./scenarios/demo.ts";
import { bareArm, ownArm } from "./scenarios/http.ts";
import { ENGINE_ARMS } from "./scenarios/in-process.ts";
import { PULL_ARMS } from "./scenarios/pull.ts";
import { FAIRNESS_ARMS } from "./scenarios/fairness.ts";
import { overloadArms } from "./scenarios/goodput.ts";
import { LAST_RESORT_ARM } from "./scenarios/last-resort.ts";
import { RUNAWAY_ARMS } from "./scenarios/runaway.ts";
import { cpuPerRequest, type Estimate, estimate, latencyAt, type Metric, pairedRatio, type Sample } from "./stats.ts";
import { percentile } from "../common/statistics.ts";

const P50 = latencyAt(0.5);
const P50_SECONDS: Metric = (sample) => P50(sample) / 1e6;
const P99 = latencyAt(0.99);
const PER_SECOND: Metric = ({ requests, wallSeconds }) => requests / wallSeconds;
const P99_OVER_P50: Metric = (sample) => latencyAt(0.99)(sample) / P50(sample);

/** One number that the project holds itself to. */
export interface Goal {
  name: string;
  bound: "at most" | "at least";
  goal: number;
  /** Null where a peer is missing or this system can't measure it: then it is not met. */
  value: number | null;
  met: boolean;
  unit: "x" | "s" | "KiB" | "MiB" | "";
  /** The middle half of the rounds whose median `value` is; null where it is not a median of rounds. */
  spread: { low: number; high: number } | null;
}

/** Judges every goal of the given scenarios; one that was not measured after all has no value, and is not met. */
export function judgeGoals({ samples, figures = {} }: Findings, scenarios: readonly ScenarioName[]): Goal[] {
  const of = (scenario: string): Sample[] => samples.filter((sample) => sample.scenario === scenario);
  const judges: Readonly<Record<ScenarioName, () => Goal[]>> = {
    "http-pristine": () => judgeHttpPristine(of("http-pristine")),
    "http-warm": () => judgeHttpWarm(of("http-warm")),
    pristine: () => judgePristine(of("in-process pristine")),
    "pristine-live": () => judgePristineLive(of("in-process pristine, 1,000 live")),
    "new-bytes": () => judgeNewBytes(of("new bytes")),
    density: () => judgeDensity(figures),
    cold: () => judgeCold(of("first request")),
    runaway: () => judgeRunaway(of("runaway"), figures),
    overload: () => [...judgeOverload(of("overload"), figures), ...judgeFairness(of("fairness"))],
    "last-resort": () => judgeLastResort(of("last resort")),
    checks: () => judgeChecks(of("epoch checks")),
    demo: () => judgeDemo(of("demo")),
    pull: () => judgePull(of("pull")),
  };
  return scenarios.flatMap((scenario) => judges[scenario]());
}

function judgePristine(samples: Sample[]): Goal[] {
  const { own, peer } = ENGINE_ARMS;
  return [
    atMost(`in-process pristine request: p50 / ${peer}`, 0.6, pairedRatio(samples, own, peer, P50)),
    atMost(`in-process pristine request: CPU / ${peer}`, 0.6, pairedRatio(samples, own, peer, cpuPerRequest)),
  ];
}

function judgePristineLive(samples: Sample[]): Goal[] {
  return [
    atMost("in-process pristine request, 1,000 live: p99 / p50", 8, overRounds(samples, ENGINE_ARMS.own, P99_OVER_P50)),
  ];
}

function judgeHttpPristine(samples: Sample[]): Goal[] {
  const [large, small] = [ownArm("hello-rust", "Request"), ownArm("hello-c", "Request")];
  const cpuOver = (own: string, peer: string): Estimate => pairedRatio(samples, own, peer, cpuPerRequest);
  return [
    atMost("http-pristine, reuse: Request: CPU / wasmtime serve", 0.25, cpuOver(large, "wasmtime serve")),
    atMost("http-pristine, guest of 128 KB: CPU / bare node:http", 1.8, cpuOver(small, bareArm("hello-c"))),
    atMost("http-pristine, guest of 1.1 MB: CPU / bare node:http", 2.2, cpuOver(large, bareArm("hello-rust"))),
  ];
}

function judgeHttpWarm(samples: Sample[]): Goal[] {
  const own = ownArm("hello-rust", "Instance");
  const cpuOver = (peer: string): Estimate => pairedRatio(samples, own, peer, cpuPerRequest);
  const throughputOver = (peer: string): Estimate => pairedRatio(samples, peer, own, cpuPerRequest);
  return [
    atMost("http-warm, reuse: Instance: CPU / wasmtime serve, reuse", 0.9, cpuOver("wasmtime serve, reuse")),
    atMost("http-warm, reuse: Instance: CPU / bare node:http", 1.15, cpuOver(bareArm("hello-rust"))),
    atLeast("http-warm, reuse: Instance: requests per CPU second / workerd", 2.5, throughputOver("workerd")),
    atLeast("http-warm, reuse: Instance: requests per CPU second / jco serve", 12, throughputOver("jco serve")),
  ];
}

function judgeNewBytes(samples: Sample[]): Goal[] {
  const { own, peer } = ENGINE_ARMS;
  const ratio = (guest: string): Estimate => pairedRatio(samples, `${guest}, ${own}`, `${guest}, ${peer}`, P50);
  return [
    atMost(`new bytes to first answer, hello-rust: p50 / ${peer}`, 1 / 8, ratio("hello-rust")),
    atMost(`new bytes to first answer, tour-go of 2.9 MB: p50 / ${peer}`, 1 / 50, ratio("tour-go")),
  ];
}

function judgeCold(samples: Sample[]): Goal[] {
  return COLD_GUESTS.flatMap((guest) => {
    const { cold, warm } = coldArms(guest);
    const name = `first request of ${guest} scaled to zero`;
    return [
      atMost(`${name}: p50 / warm`, 1.3, pairedRatio(samples, cold, warm, P50)),
      atMost(`${name}: p99`, 0.001, exactly(percentile(latenciesOf(samples, cold), 0.99) / 1e6), "s"),
      atLeast(`${ISOLATE_ARM}: p50 / ${name}`, 15, pairedRatio(samples, ISOLATE_ARM, cold, P50)),
    ];
  });
}

function judgeDensity({ liveApps = Number.NaN, residentBytesEach = Number.NaN }: Partial<Figures>): Goal[] {
  return [
    atLeast("live apps in one process", 14_000, exactly(liveApps), ""),
    atMost("live app: resident memory", 32, exactly(residentBytesEach / 1024), "KiB"),
  ];
}

function judgeRunaway(samples: Sample[], { failedNeighbourRequests = Number.NaN }: Partial<Figures>): Goal[] {
  const late = overRounds(samples, RUNAWAY_ARMS.runaway, P50_SECONDS);
  return [
    atMost("runaway loop: answered after its deadline, p50", 0.005, late, "s"),
    atMost("runaway loop: failed requests of its neighbour", 0, exactly(failedNeighbourRequests), ""),
  ];
}

function judgeOverload(
  samples: Sample[],
  { overloadGrownMiB = Number.NaN, failedManagementRequests = Number.NaN }: Partial<Figures>,
): Goal[] {
  const goodput = (Object.keys(IMAGES) as Image[]).flatMap((image) => {
    const { overload, peak } = overloadArms(image);
    return [
      atLeast(`${overload}: good answers a second / peak`, 0.9, pairedRatio(samples, overload, peak, PER_SECOND)),
      atLeast(
        `${overload}: good answers a CPU second / peak`,
        0.9,
        pairedRatio(samples, peak, overload, cpuPerRequest),
      ),
    ];
  });
  return [
    ...goodput,
    atMost("overload: resident memory beyond that at the peak", 256, exactly(overloadGrownMiB), "MiB"),
    atMost("overload: failed requests for health and metrics", 0, exactly(failedManagementRequests), ""),
  ];
}

function judgeFairness(samples: Sample[]): Goal[] {
  return FAIRNESS_ARMS.beside.map((arm) =>
    atMost(`${arm}: p99 / alone`, 2, pairedRatio(samples, arm, FAIRNESS_ARMS.alone, P99)),
  );
}

function judgeLastResort(samples: Sample[]): Goal[] {
  const p99 = percentile(latenciesOf(samples, LAST_RESORT_ARM), 0.99) / 1e6;
  return [atMost("killed cell: its app answers again, under load, p99", 0.25, exactly(p99), "s")];
}

/** The loop that suffers most counts. */
function judgeChecks(samples: Sample[]): Goal[] {
  const worst = checkCosts(samples).reduce((most, one) => (one.cost.value > most.cost.value ? one : most));
  return [atMost("worst-case loop: CPU with epoch checks / without", 1.1, worst.cost)];
}

function judgeDemo(samples: Sample[]): Goal[] {
  return [
    atMost("npm run demo to all ready, filled cache: p50", 5, overRounds(samples, DEMO_ARMS.demo, P50_SECONDS), "s"),
  ];
}

function judgePull(samples: Sample[]): Goal[] {
  const { own, oras, crane } = PULL_ARMS;
  return [oras, crane].map((peer) =>
    atLeast(`pull of 100 MB: throughput / ${peer}`, 0.8, pairedRatio(samples, peer, own, P50)),
  );
}

/** A number with the rounds that it is the median of, or one of the run as a whole. */
type Measured = Pick<Goal, "spread"> & { value: number };

function atMost(name: string, goal: number, measured: Measured, unit: Goal["unit"] = "x"): Goal {
  return { name, bound: "at most", goal, ...judged(measured, measured.value <= goal), unit };
}

function atLeast(name: string, goal: number, measured: Measured, unit: Goal["unit"] = "x"): Goal {
  return { name, bound: "at least", goal, ...judged(measured, measured.value >= goal), unit };
}

/** A value that is not a number compares false, and so is never met. */
function judged({ value, spread }: Measured, met: boolean): Pick<Goal, "value" | "met" | "spread"> {
  return Number.isFinite(value) ? { value, met, spread } : { value: null, met, spread: null };
}

function exactly(value: number): Measured {
  return { value, spread: null };
}

function overRounds(samples: readonly Sample[], name: string, metric: Metric): Measured {
  return estimate(samples.filter(({ arm }) => arm === name).map(metric));
}

function latenciesOf(samples: readonly Sample[], name: string): number[] {
  return samples.filter(({ arm }) => arm === name).flatMap(({ latenciesMicros }) => latenciesMicros);
}
