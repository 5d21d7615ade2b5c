import { parseArgs } from "node:util";
import { messageOf, WasmletError } from "../../common/errors.ts";

/** What the command line asks for. */
export interface SoakOptions {
  help: boolean;
  output: "text" | "json";
  minutes: number;
  /** What is killed and changed follows from it; when, from the machine as well. */
  seed: number;
}

const MAX_MINUTES = 24 * 60;

/** The text of `--help`. */
export const HELP = `Runs a node runtime under load, kills its cells and preparers and changes its apps, and accounts for every request.

Usage: npm run soak -- [options]

Options:
  -m, --minutes <n>      How long; 1 by default
      --seed <n>         What is killed and changed, and in which order; by the time by default
  -o, --output <format>  text (default), or json
  -h, --help             Show this help

It ends with 1 where a request is lost, an answer is not one that the app gives, or something is left behind.

Examples:
  npm run soak -- --minutes 10
  npm run --silent soak -- --seed 7 -o json > soak.json
`;

/** Reads the command line; throws CLI_USAGE. */
export function readOptions(args: readonly string[]): SoakOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        output: { type: "string", short: "o", default: "text" },
        minutes: { type: "string", short: "m", default: "1" },
        seed: { type: "string", default: String(Date.now() % 1_000_000) },
      },
    });
    const { help, output } = values;
    if (output !== "text" && output !== "json") throw new TypeError(`-o is text or json, not ${output}`);
    const minutes = Number(values.minutes);
    if (!(minutes > 0 && minutes <= MAX_MINUTES)) {
      throw new TypeError(`--minutes is a number above 0 and up to ${MAX_MINUTES}, not ${values.minutes}`);
    }
    const seed = Number(values.seed);
    if (!Number.isSafeInteger(seed) || seed < 0) throw new TypeError(`--seed is a whole number, not ${values.seed}`);
    return { help, output, minutes, seed };
  } catch (cause) {
    throw new WasmletError("CLI_USAGE", messageOf(cause), { cause, fix: "See `npm run soak -- --help`." });
  }
}
