import { parseArgs } from "node:util";
import { messageOf, WasmletError } from "../common/errors.ts";

/** How much is measured. */
export interface Effort {
  httpRounds: number;
  /** Of one block of requests over HTTP. */
  httpBlockSeconds: number;
  pristineRounds: number;
  /** Requests of one block in process. */
  pristineRequests: number;
  newRounds: number;
  /** Apps that one process is to carry, if it can. */
  liveApps: number;
  /** When to stop making them. */
  liveSeconds: number;
  coldRounds: number;
  runawayRounds: number;
  overloadRounds: number;
  /** Of one block at the peak, and of one beyond it. */
  overloadSeconds: number;
  fairnessRounds: number;
  /** Of one block of the quiet app's requests. */
  fairnessSeconds: number;
  /** Cells that are killed. */
  killRounds: number;
  checkRounds: number;
  demoRounds: number;
  pullRounds: number;
}

const FULL: Effort = {
  httpRounds: 30,
  httpBlockSeconds: 0.3,
  pristineRounds: 20,
  pristineRequests: 2500,
  newRounds: 20,
  liveApps: 14_500,
  liveSeconds: 300,
  coldRounds: 25,
  runawayRounds: 30,
  overloadRounds: 6,
  overloadSeconds: 4,
  fairnessRounds: 8,
  fairnessSeconds: 5,
  killRounds: 100,
  checkRounds: 20,
  demoRounds: 5,
  pullRounds: 15,
};
const QUICK: Effort = {
  httpRounds: 6,
  httpBlockSeconds: 0.2,
  pristineRounds: 6,
  pristineRequests: 1000,
  newRounds: 3,
  liveApps: 14_200,
  liveSeconds: 30,
  coldRounds: 4,
  runawayRounds: 5,
  overloadRounds: 2,
  overloadSeconds: 2,
  fairnessRounds: 3,
  fairnessSeconds: 3,
  killRounds: 10,
  checkRounds: 5,
  demoRounds: 2,
  pullRounds: 9,
};

/** What the command line asks for. */
export interface BenchOptions {
  help: boolean;
  output: "text" | "json";
  quick: boolean;
  writeDocs: boolean;
  effort: Effort;
  /** The scenarios to measure, in this order; all by default. */
  scenarios: readonly ScenarioName[];
}

/** What can be measured, by the name that the command line takes. */
export const SCENARIO_NAMES = [
  "http-pristine",
  "http-warm",
  "pristine",
  "pristine-live",
  "new-bytes",
  "density",
  "cold",
  "runaway",
  "overload",
  "last-resort",
  "checks",
  "demo",
  "pull",
] as const;

/** One of them. */
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

/** The text of `--help`. */
export const HELP = `Measures the node runtime against what it competes with, on this machine.

Usage: npm run bench -- [options] [scenario ...]

Scenarios: ${SCENARIO_NAMES.join(", ")}; all by default.
npm run bench:peers gets the peers that are no dependency, npm run test:tools those of pulls; wasmtime is taken from PATH
or WASMTIME.

Options:
  -o, --output <format>  text (default), or json: every raw sample, and each goal's name, goal, value and met
      --quick            Fewer rounds: faster, and noisier
      --write-docs       Write docs/performance.md from this run
  -h, --help             Show this help

Examples:
  npm run bench
  npm run bench -- http-warm cold
  npm run bench -- --quick
  npm run --silent bench -- -o json > samples.json
`;

/** Reads the command line; throws CLI_USAGE. */
export function readOptions(args: readonly string[]): BenchOptions {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h", default: false },
        output: { type: "string", short: "o", default: "text" },
        quick: { type: "boolean", default: false },
        "write-docs": { type: "boolean", default: false },
      },
    });
    const { help, output, quick } = values;
    if (output !== "text" && output !== "json") throw new TypeError(`-o is text or json, not ${output}`);
    return {
      help,
      output,
      quick,
      writeDocs: values["write-docs"],
      effort: quick ? QUICK : FULL,
      scenarios: readScenarios(positionals),
    };
  } catch (cause) {
    throw new WasmletError("CLI_USAGE", messageOf(cause), { cause, fix: "See `npm run bench -- --help`." });
  }
}

function readScenarios(names: readonly string[]): readonly ScenarioName[] {
  const unknown = names.find((name) => !(SCENARIO_NAMES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new TypeError(`a scenario is one of ${SCENARIO_NAMES.join(", ")}, not ${unknown}`);
  return names.length === 0 ? SCENARIO_NAMES : (names as readonly ScenarioName[]);
}
