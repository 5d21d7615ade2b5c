import { parseArgs } from "node:util";
import { messageOf, WasmletError } from "../common/errors.ts";

/** How much is measured. */
export interface Effort {
  warmRounds: number;
  /** Requests of one block. */
  warmRequests: number;
  coldRounds: number;
  demoRounds: number;
}

const FULL: Effort = { warmRounds: 12, warmRequests: 2000, coldRounds: 30, demoRounds: 5 };
const QUICK: Effort = { warmRounds: 5, warmRequests: 800, coldRounds: 6, demoRounds: 2 };

/** What the command line asks for. */
export interface BenchOptions {
  help: boolean;
  output: "text" | "json";
  quick: boolean;
  writeDocs: boolean;
  effort: Effort;
}

/** The text of `--help`. */
export const HELP = `Measures the node runtime against what it competes with, on this machine.

Usage: npm run bench -- [options]

Options:
  -o, --output <format>  text (default), or json: every raw sample, and each goal's name, goal, value and met
      --quick            Fewer rounds: less than a minute, and noisier
      --write-docs       Write docs/performance.md from this run
  -h, --help             Show this help

Examples:
  npm run bench
  npm run bench -- --quick
  npm run --silent bench -- -o json > samples.json
`;

/** Reads the command line; throws CLI_USAGE. */
export function readOptions(args: readonly string[]): BenchOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        output: { type: "string", short: "o", default: "text" },
        quick: { type: "boolean", default: false },
        "write-docs": { type: "boolean", default: false },
      },
    });
    const { help, output, quick } = values;
    if (output !== "text" && output !== "json") throw new TypeError(`-o is text or json, not ${output}`);
    return { help, output, quick, writeDocs: values["write-docs"], effort: quick ? QUICK : FULL };
  } catch (cause) {
    throw new WasmletError("CLI_USAGE", messageOf(cause), { cause, fix: "See `npm run bench -- --help`." });
  }
}
