import { EVENT_FAULTS, faultsOf, NO_FAULTS, WRITE_FAULTS, type PlantedFault } from "./faults.ts";
import { Random } from "./random.ts";
import { scenarioOf, type Scenario } from "./scenario.ts";
import { simulate, withoutMishaps, type RunOptions } from "./simulation.ts";

/** A run that broke a rule, and what replays it. */
export interface Finding {
  violations: string[];
  replay: string;
}

/** Kept apart, so that what happens does not depend on what goes wrong. */
const FAULT_SEED = 1_000_003;

/** Returns the run of a seed: its scenario, and what goes wrong in it. */
export function runOf(seed: number): RunOptions {
  return { scenario: scenarioOf(seed), seed, faults: faultsOf(new Random(seed + FAULT_SEED)) };
}

/** Runs a seed, and the same without anything going wrong; returns what broke a rule. */
export async function exploreSeed(seed: number): Promise<Finding | undefined> {
  const run = runOf(seed);
  const { violations, summary } = await simulate(run);
  if (violations.length === 0 && isDetermined(run.scenario)) {
    const calm = await simulate({ scenario: withoutMishaps(run.scenario), seed, faults: NO_FAULTS });
    violations.push(...calm.violations.map((violation) => `without faults: ${violation}`));
    if (calm.summary.join() !== summary.join()) {
      violations.push(`converges: ends with ${summary.join("; ")} instead of ${calm.summary.join("; ")}`);
    }
  }
  if (violations.length === 0) return undefined;
  const steps = await shrink(run, ruleOf(violations[0]!));
  const kept = steps.length === run.scenario.steps.length ? "" : ` --steps ${steps.join(",")}`;
  return { violations, replay: `node operator/simulation/main.ts --seed ${seed}${kept} --verbose` };
}

/** Yields one run per place where a fault of some kind can be in a scenario, in an order by chance. */
export async function* explorePlaces(
  name: string,
  scenario: Scenario,
  random: Random,
): AsyncGenerator<Finding | undefined> {
  const { writes, events } = await simulate({ scenario, seed: 1 });
  const places = [
    ...WRITE_FAULTS.flatMap((kind) => Array.from({ length: writes }, (_, index): PlantedFault => ({ kind, index }))),
    ...EVENT_FAULTS.flatMap((kind) => Array.from({ length: events }, (_, index): PlantedFault => ({ kind, index }))),
  ];
  while (places.length > 0) {
    const [planted] = places.splice(random.between(0, places.length - 1), 1) as [PlantedFault];
    const { violations } = await simulate({ scenario, seed: 1, planted });
    const replay = `node operator/simulation/main.ts --base "${name}" --fault ${planted.kind}:${planted.index} --verbose`;
    yield violations.length === 0 ? undefined : { violations, replay };
  }
}

/** Returns the scenario with these steps alone. */
export function withSteps(scenario: Scenario, steps: readonly number[]): Scenario {
  return { ...scenario, steps: scenario.steps.filter((_step, index) => steps.includes(index)) };
}

/** Returns the numbers of the steps that are needed to break a rule: one after another is left out where that does not mend it. */
async function shrink(run: RunOptions, rule: string): Promise<number[]> {
  let kept = run.scenario.steps.map((_step, index) => index);
  for (const step of kept.toReversed()) {
    const fewer = kept.filter((index) => index !== step);
    const { violations } = await simulate({ ...run, scenario: withSteps(run.scenario, fewer) });
    if (violations.some((violation) => ruleOf(violation) === rule)) kept = fewer;
  }
  return kept;
}

function ruleOf(violation: string): string {
  return violation.split(":")[0]!;
}

/** Whether what users do has one end: where room, ports or nodes are short, it matters who comes first. */
function isDetermined({ maxAppsPerNode, ports, steps }: Scenario): boolean {
  const isShort = maxAppsPerNode < 1000 || ports.last - ports.first < 10;
  const moves = new Set(["cordon", "uncordon", "edit-pool", "add-node", "remove-node", "create-service"]);
  return !isShort && !steps.some(({ step }) => moves.has(step.do));
}
