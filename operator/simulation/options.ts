import { parseArgs } from "node:util";
import { messageOf } from "../../common/errors.ts";
import { BASE_SCENARIOS } from "./base-scenarios.ts";
import { runOf, withSteps } from "./explore.ts";
import { EVENT_FAULTS, WRITE_FAULTS, type PlantedFault } from "./faults.ts";
import type { RunOptions } from "./simulation.ts";

export const HELP = `Usage: node operator/simulation/main.ts [options]

Runs the operator's own code in a simulated cluster in which things go wrong, and says which of its rules that broke and
what replays it. What one seed does is always the same. Ends with 1 if a rule was broken.

Explore:
  --minutes N     go through seeds for so long (default 1)
  --first SEED    from this one on (default: one made from the time)
  --places        instead: a fault at every place of every base scenario

Replay:
  --seed SEED     the run of one seed; with --base, what else is left to chance
  --steps N,N     only these steps of it, counted from 0
  --base NAME     a base scenario
  --fault KIND:N  with --base: one fault, at the Nth write or event of the operator, counted from 0
  --verbose       everything that happens

  -h, --help      show this help

Base scenarios: ${Object.keys(BASE_SCENARIOS).join("; ")}
Kinds of faults: ${[...WRITE_FAULTS, ...EVENT_FAULTS].join(", ")}

Examples:
  node operator/simulation/main.ts --minutes 5 --first 1000
  node operator/simulation/main.ts --seed 42 --steps 0,3 --verbose
  node operator/simulation/main.ts --base "a lead that moves" --fault crash-after-write:7 --verbose
`;

/** What the command line asks for. */
export type Task =
  | { kind: "help" }
  | { kind: "replay"; run: RunOptions }
  | { kind: "places" }
  | { kind: "seeds"; first: number; minutes: number };

/** Returns what the arguments ask for; throws a RangeError that says which of them is wrong. */
export function readTask(args: readonly string[], nowMs: number): Task {
  const { help, seed, steps, base, fault, verbose, minutes, first, places } = parse(args);
  if (help) return { kind: "help" };
  const run = base === undefined ? seedRun(seed, steps) : baseRun(base, seed, fault);
  if (run !== undefined) return { kind: "replay", run: { ...run, isVerbose: verbose } };
  if (places) return { kind: "places" };
  return {
    kind: "seeds",
    first: first === undefined ? nowMs % 1_000_000_000 : readCount("--first", first),
    minutes: readNumber("--minutes", minutes),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        steps: { type: "string" },
        base: { type: "string" },
        fault: { type: "string" },
        verbose: { type: "boolean", default: false },
        minutes: { type: "string", default: "1" },
        first: { type: "string" },
        places: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (thrown) {
    throw new RangeError(messageOf(thrown), { cause: thrown });
  }
}

function seedRun(seed: string | undefined, steps: string | undefined): RunOptions | undefined {
  if (seed === undefined) return undefined;
  const run = runOf(readCount("--seed", seed));
  if (steps === undefined) return run;
  const kept = steps.split(",").map((step) => readCount("--steps", step));
  return { ...run, scenario: withSteps(run.scenario, kept) };
}

function baseRun(base: string, seed = "1", fault: string | undefined): RunOptions {
  const scenario = BASE_SCENARIOS[base];
  if (scenario === undefined) throw new RangeError(`--base: expected the name of a base scenario, got ${base}`);
  const run = { scenario, seed: readCount("--seed", seed) };
  return fault === undefined ? run : { ...run, planted: readFault(fault) };
}

function readFault(text: string): PlantedFault {
  const [name, index = ""] = text.split(":");
  const kind = [...WRITE_FAULTS, ...EVENT_FAULTS].find((known) => known === name);
  if (kind === undefined) throw new RangeError(`--fault: expected a kind of fault and a number as KIND:N, got ${text}`);
  return { kind, index: readCount("--fault", index) };
}

function readCount(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RangeError(`${option}: expected a whole number, got ${text === "" ? "nothing" : text}`);
}

function readNumber(option: string, text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new RangeError(`${option}: expected a number, got ${text === "" ? "nothing" : text}`);
}
