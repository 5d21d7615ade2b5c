import { describeError, exitCodeOf, formatJson, writeErr, writeOut } from "../../cli/output.ts";
import { HELP, readOptions } from "./options.ts";
import { formatResult } from "./report.ts";
import { findProblems, soak } from "./soak.ts";

/** `npm run soak`: ends with 1 where something is lost or left behind. */
async function main(args: readonly string[]): Promise<void> {
  const { help, output, minutes, seed } = readOptions(args);
  if (help) return writeOut(HELP);
  writeErr(`soaking for ${minutes} min, seed ${seed}\n`);
  const result = await soak({ minutes, seed }, (line) => writeErr(`${line}\n`));
  writeOut(output === "json" ? formatJson(result) : formatResult(result));
  if (findProblems(result).length > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  writeErr(describeError(thrown));
  process.exitCode = exitCodeOf(thrown);
}
