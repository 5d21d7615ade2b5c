import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError, exitCodeOf, formatJson, writeErr, writeOut } from "../cli/output.ts";
import { formatPage, formatReport } from "./format.ts";
import { HELP, readOptions } from "./options.ts";
import { buildReport } from "./report.ts";
import { REPOSITORY } from "./runtime-under-test.ts";
import { measureCold } from "./scenarios/cold.ts";
import { measureDemo } from "./scenarios/demo.ts";
import { measureWarm } from "./scenarios/warm.ts";
import type { Sample } from "./stats.ts";

/*
 * `npm run bench`: scenarios/ measure, stats.ts reduces, report.ts judges, format.ts prints. It ends with 0 whether goals are
 * met or not: it reports, and other machines differ.
 */

const SCENARIOS = { "warm request": measureWarm, "first request": measureCold, demo: measureDemo } as const;

async function main(args: readonly string[]): Promise<void> {
  const { help, output, quick, writeDocs, effort } = readOptions(args);
  if (help) return writeOut(HELP);
  const startedAt = new Date();
  const begin = performance.now();
  const samples: Sample[] = [];
  for (const [name, measure] of Object.entries(SCENARIOS)) {
    writeErr(`measuring: ${name}\n`);
    samples.push(...(await measure(effort)));
  }
  const report = buildReport(samples, { startedAt, quick, seconds: (performance.now() - begin) / 1000 });
  if (writeDocs) writeFileSync(join(REPOSITORY, "docs", "performance.md"), formatPage(report));
  writeOut(output === "json" ? formatJson(report) : formatReport(report));
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  writeErr(describeError(thrown));
  process.exitCode = exitCodeOf(thrown);
}
