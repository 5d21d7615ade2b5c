import type { Findings } from "./scenario.ts";
import { COLD_GUESTS, coldArms, ISOLATE_ARM } from "./scenarios/cold.ts";
import { DEMO_ARMS } from "./scenarios/demo.ts";
import { HTTP_ARMS } from "./scenarios/http.ts";
import { ENGINE_ARMS } from "./scenarios/in-process.ts";
import { cpuMicrosPerRequest, median, pairedRatio, percentile, type Sample } from "./stats.ts";

/** One number that the project holds itself to. */
export interface Goal {
  name: string;
  bound: "at most" | "at least";
  goal: number;
  /** Null where a peer is missing or this system can't measure it: then it is not met. */
  value: number | null;
  met: boolean;
  unit: "x" | "s" | "KiB";
}

/** Judges every goal of the scenarios that were measured. */
export function judgeGoals({ samples, residentBytesEach }: Findings): Goal[] {
  const of = (scenario: string): Sample[] => samples.filter((sample) => sample.scenario === scenario);
  return [
    ...whenMeasured(of("in-process pristine"), judgePristine),
    ...whenMeasured(of("in-process pristine, 1,000 live"), judgePristineLive),
    ...whenMeasured(of("http-pristine"), judgeHttpPristine),
    ...whenMeasured(of("http-warm"), judgeHttpWarm),
    ...whenMeasured(of("new bytes"), judgeNewBytes),
    ...whenMeasured(of("first request"), judgeCold),
    ...(residentBytesEach === undefined
      ? []
      : [atMost("live instance: resident memory", 32, residentBytesEach / 1024, "KiB")]),
    ...whenMeasured(of("demo"), judgeDemo),
  ];
}

function judgePristine(samples: Sample[]): Goal[] {
  const { own, peer } = ENGINE_ARMS;
  return [
    atMost(`in-process pristine request: p50 / ${peer}`, 0.6, pairedRatio(samples, own, peer, 0.5)),
    atMost(`in-process pristine request: CPU / ${peer}`, 0.6, cpuRatio(samples, own, peer)),
  ];
}

function judgePristineLive(samples: Sample[]): Goal[] {
  const rounds = samples.filter(({ arm }) => arm === ENGINE_ARMS.own);
  const spread = rounds.map(({ latenciesMicros: all }) => percentile(all, 0.99) / percentile(all, 0.5));
  return [atMost("in-process pristine request, 1,000 live: p99 / p50", 8, median(spread))];
}

function judgeHttpPristine(samples: Sample[]): Goal[] {
  const cpuOver = (peer: string): number => cpuRatio(samples, HTTP_ARMS.request, peer);
  return [
    atMost("http-pristine, reuse: Request: CPU / wasmtime serve", 0.25, cpuOver("wasmtime serve")),
    atMost("http-pristine, reuse: Request: CPU / bare node:http", 2.2, cpuOver("bare node:http")),
  ];
}

function judgeHttpWarm(samples: Sample[]): Goal[] {
  const cpuOver = (peer: string): number => cpuRatio(samples, HTTP_ARMS.instance, peer);
  return [
    atMost("http-warm, reuse: Instance: CPU / wasmtime serve, reuse", 0.9, cpuOver("wasmtime serve, reuse")),
    atMost("http-warm, reuse: Instance: CPU / bare node:http", 1.15, cpuOver("bare node:http")),
    atLeast("http-warm, reuse: Instance: requests per CPU second / workerd", 2.5, 1 / cpuOver("workerd")),
    atLeast("http-warm, reuse: Instance: requests per CPU second / jco serve", 12, 1 / cpuOver("jco serve")),
  ];
}

function judgeNewBytes(samples: Sample[]): Goal[] {
  const { own, peer } = ENGINE_ARMS;
  const ratio = (guest: string): number => pairedRatio(samples, `${guest}, ${own}`, `${guest}, ${peer}`, 0.5);
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
      atMost(`${name}: p50 / warm`, 1.3, pairedRatio(samples, cold, warm, 0.5)),
      atMost(`${name}: p99`, 0.001, percentile(latenciesOf(samples, cold), 0.99) / 1e6, "s"),
      atLeast(`${ISOLATE_ARM}: p50 / ${name}`, 15, pairedRatio(samples, ISOLATE_ARM, cold, 0.5)),
    ];
  });
}

function judgeDemo(samples: Sample[]): Goal[] {
  const p50 = percentile(latenciesOf(samples, DEMO_ARMS.demo), 0.5) / 1e6;
  return [atMost("npm run demo to all ready, filled cache: p50", 5, p50, "s")];
}

function whenMeasured(samples: Sample[], judge: (samples: Sample[]) => Goal[]): Goal[] {
  return samples.length === 0 ? [] : judge(samples);
}

function atMost(name: string, goal: number, value: number, unit: Goal["unit"] = "x"): Goal {
  return { name, bound: "at most", goal, ...judged(value, value <= goal), unit };
}

function atLeast(name: string, goal: number, value: number, unit: Goal["unit"] = "x"): Goal {
  return { name, bound: "at least", goal, ...judged(value, value >= goal), unit };
}

/** A value that is not a number compares false, and so is never met. */
function judged(value: number, met: boolean): Pick<Goal, "value" | "met"> {
  return { value: Number.isFinite(value) ? value : null, met };
}

function latenciesOf(samples: readonly Sample[], name: string): number[] {
  return samples.filter(({ arm }) => arm === name).flatMap(({ latenciesMicros }) => latenciesMicros);
}

function cpuRatio(samples: readonly Sample[], arm: string, peer: string): number {
  const [own, other] = [arm, peer].map((name) => cpuMicrosPerRequest(samples.filter((one) => one.arm === name)));
  return own == null || other == null ? Number.NaN : own / other;
}
