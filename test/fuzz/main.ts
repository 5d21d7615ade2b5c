import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { describeError, exitCodeOf, formatJson, writeErr, writeOut } from "../../cli/output.ts";
import { listenForStop } from "../../cli/signals.ts";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { formatArtifacts, fuzzArtifacts, type ArtifactsReport } from "./artifacts.ts";
import { formatPaths, fuzzPaths, type PathsReport } from "./paths.ts";

/** `npm run fuzz`: hostile input by seed, as much of it as is asked for. Ends with 1 where something is not contained. */

const TARGETS = ["artifacts", "paths"] as const;
const PROGRESS_INTERVAL_MS = 5000;

const HELP = `Tries hostile input on the node runtime's own code, the same for the same seeds.

Usage: npm run fuzz -- [options] [target]

Targets:
  artifacts  Mutated modules and components through the preparer's pipeline, in limited processes (default)
  paths      Guests that try to leave a volume that they share, while it is changed under their feet

Options:
  --runs <n>             Mutants, or operations on paths (default 20000); a long run is 1000000, or 10000000
  --seed <n>             The first seed (default 0); the others follow
  --processes <n>        Processes at a time (default: one for each core; paths: always three), which yield to
                         everything else
  -o, --output <format>  text (default) or json
  -h, --help             Show this help

Ctrl-C ends a run early, with the account of what was done. A mutant that ends its process, hangs or comes to
no error of its own is kept in test/fuzz/regressions, and tried by the tests from then on.

Examples:
  npm run fuzz
  npm run fuzz -- --runs 1000000
  npm run fuzz -- paths --runs 10000000
  npm run --silent fuzz -- --seed 4767 --runs 1 -o json
`;

interface Options {
  help: boolean;
  output: "text" | "json";
  target: (typeof TARGETS)[number];
  runs: number;
  seed: number;
  processes: number;
}

async function main(args: readonly string[]): Promise<void> {
  const { help, output, target, runs, seed, processes } = readOptions(args);
  if (help) return writeOut(HELP);
  const { aborted: signal } = listenForStop();
  let done = 0;
  const begin = performance.now();
  const progress = setInterval(() => {
    const perSecond = done / ((performance.now() - begin) / 1000);
    writeErr(`${done}/${runs}, ${perSecond.toFixed(0)}/s\n`);
  }, PROGRESS_INTERVAL_MS);
  const options = { runs, seed, processes, signal, onProgress: (count: number) => void (done = count) };
  try {
    const report = await (target === "paths" ? fuzzPaths(options) : fuzzArtifacts(options));
    writeOut(output === "json" ? formatJson(report) : formatReport(report));
    if (report.failures.length > 0) process.exitCode = 1;
  } finally {
    clearInterval(progress);
  }
}

function formatReport(report: ArtifactsReport | PathsReport): string {
  return report.target === "paths" ? formatPaths(report) : formatArtifacts(report);
}

function readOptions(args: readonly string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h", default: false },
        output: { type: "string", short: "o", default: "text" },
        runs: { type: "string", default: "20000" },
        seed: { type: "string", default: "0" },
        processes: { type: "string", default: String(availableParallelism()) },
      },
    });
    const { help, output, runs, seed, processes } = values;
    const [target = "artifacts", ...others] = positionals;
    if (output !== "text" && output !== "json") throw new TypeError(`-o is text or json, not ${output}`);
    if (!isTarget(target) || others.length > 0) throw new TypeError(`the target is ${TARGETS.join(" or ")}`);
    return {
      help,
      output,
      target,
      runs: readNumber("--runs", runs, 1),
      seed: readNumber("--seed", seed, 0),
      processes: readNumber("--processes", processes, 1),
    };
  } catch (cause) {
    throw new WasmletError("CLI_USAGE", messageOf(cause), { cause, fix: "See `npm run fuzz -- --help`." });
  }
}

function isTarget(text: string): text is Options["target"] {
  return (TARGETS as readonly string[]).includes(text);
}

function readNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new TypeError(`${option} is a whole number, ${least} or more, not ${text}`);
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  writeErr(describeError(thrown));
  process.exitCode = exitCodeOf(thrown);
}
