import { parseArgs } from "node:util";
import { BASE_SCENARIOS } from "./base-scenarios.ts";
import { explorePlaces, exploreSeed, runOf, withSteps, type Finding } from "./explore.ts";
import type { PlantedFault } from "./faults.ts";
import { Random } from "./random.ts";
import { simulate, type RunOptions } from "./simulation.ts";

/*
 * Runs the simulator by hand:
 *
 *     node operator/simulation/main.ts --minutes 5 [--first 1000]      seeds from a first one on, for so long
 *     node operator/simulation/main.ts --seed 42 [--steps 0,3] [--verbose]
 *     node operator/simulation/main.ts --base "a lead that moves" --fault crash-after-write:7 --verbose
 *     node operator/simulation/main.ts --places                        a fault at every place of every base scenario
 */

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    steps: { type: "string" },
    base: { type: "string" },
    fault: { type: "string" },
    verbose: { type: "boolean", default: false },
    minutes: { type: "string", default: "1" },
    first: { type: "string", default: String(Date.now() % 1_000_000_000) },
    places: { type: "boolean", default: false },
  },
});

if (values.seed !== undefined || values.base !== undefined) await replay(wantedRun());
else if (values.places) await goThroughPlaces();
else await goThroughSeeds(Number(values.first), performance.now() + Number(values.minutes) * 60_000);

function wantedRun(): RunOptions {
  const { seed, steps, base, fault } = values;
  if (base !== undefined) {
    const scenario = BASE_SCENARIOS[base];
    if (scenario === undefined) throw new Error(`no scenario is called ${base}`);
    const [kind, index] = fault?.split(":") ?? [];
    const planted = { kind: kind as PlantedFault["kind"], index: Number(index) };
    return { scenario, seed: Number(seed ?? 1), ...(kind !== undefined && { planted }) };
  }
  const run = runOf(Number(seed));
  return steps === undefined ? run : { ...run, scenario: withSteps(run.scenario, steps.split(",").map(Number)) };
}

async function replay(run: RunOptions): Promise<void> {
  const { violations, summary, log } = await simulate({ ...run, isVerbose: values.verbose });
  print([...log, ...summary, violations.length === 0 ? "every rule holds" : violations.join("\n")].join("\n"));
  process.exitCode = violations.length === 0 ? 0 : 1;
}

async function goThroughSeeds(first: number, untilMs: number): Promise<void> {
  const beganMs = performance.now();
  let seed = first;
  for (; performance.now() < untilMs; seed++) report(await exploreSeed(seed));
  const seconds = (performance.now() - beganMs) / 1000;
  print(`seeds ${first} to ${seed - 1}: ${((seed - first) / seconds).toFixed(1)} per second`);
}

async function goThroughPlaces(): Promise<void> {
  for (const [name, scenario] of Object.entries(BASE_SCENARIOS)) {
    let count = 0;
    for await (const finding of explorePlaces(name, scenario, new Random(1))) {
      count++;
      report(finding);
    }
    print(`${name}: ${count} places`);
  }
}

function report(finding: Finding | undefined): void {
  if (finding === undefined) return;
  print(`${finding.violations.slice(0, 3).join("\n")}\n    ${finding.replay}`);
  process.exitCode = 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
