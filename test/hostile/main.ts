import { parseArgs } from "node:util";
import { describeError, exitCodeOf, formatJson, writeErr, writeOut } from "../../cli/output.ts";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { CORPUS, findKinds } from "./corpus.ts";
import type { HostileKind } from "./kinds.ts";
import { buildReport, formatReport } from "./report.ts";
import { HostileRun, type Verdict } from "./runner.ts";

/** `npm run hostile`: lets every kind loose, one after another, and prints what came of it. Ends with 1 where something is not as expected. */

const QUIET_MS = 3000;

const HELP = `Lets hostile guests and clients loose on a node runtime, beside apps that have done nothing.

Usage: npm run hostile -- [options] [theme or kind ...]

Themes: ${Object.keys(CORPUS).join(", ")}; all by default.

Options:
  -o, --output <format>  text (default), or json: every kind with what came of it, and the summary
  -h, --help             Show this help

Examples:
  npm run hostile
  npm run hostile -- cpu memory
  npm run --silent hostile -- -o json > hostile.json
`;

async function main(args: readonly string[]): Promise<void> {
  const { help, output, kinds } = readOptions(args);
  if (help) return writeOut(HELP);
  writeErr(`preparing ${kinds.length} kinds\n`);
  const run = await HostileRun.start(kinds);
  try {
    const quiet = await run.watchQuietly(QUIET_MS);
    const verdicts: Verdict[] = [];
    for (const [index, kind] of kinds.entries()) {
      writeErr(`${index + 1}/${kinds.length} ${kind.name}\n`);
      verdicts.push(await run.attack(kind));
    }
    const report = buildReport(verdicts, quiet);
    writeOut(output === "json" ? formatJson(report) : formatReport(report));
    if (verdicts.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
  } finally {
    await run.stop();
  }
}

function readOptions(args: readonly string[]): { help: boolean; output: "text" | "json"; kinds: HostileKind[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h", default: false },
        output: { type: "string", short: "o", default: "text" },
      },
    });
    const { help, output } = values;
    if (output !== "text" && output !== "json") throw new TypeError(`-o is text or json, not ${output}`);
    return { help, output, kinds: findKinds(positionals) };
  } catch (cause) {
    throw new WasmletError("CLI_USAGE", messageOf(cause), { cause, fix: "See `npm run hostile -- --help`." });
  }
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  writeErr(describeError(thrown));
  process.exitCode = exitCodeOf(thrown);
}
