import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError, exitCodeOf, formatJson, writeErr, writeOut } from "../cli/output.ts";
import { formatPage, formatReport } from "./format.ts";
import { HELP, readOptions, type ScenarioName } from "./options.ts";
import { buildReport } from "./report.ts";
import { REPOSITORY } from "./runtime-under-test.ts";
import type { Findings, Scenario } from "./scenario.ts";
import { measureCold } from "./scenarios/cold.ts";
import { measureDemo } from "./scenarios/demo.ts";
import { measurePristineHttp, measureWarmHttp } from "./scenarios/http.ts";
import { measureDensity } from "./scenarios/density.ts";
import { measureNewBytes, measurePristine, measurePristineLive } from "./scenarios/in-process.ts";

/*
 * `npm run bench`: scenarios/ measure, stats.ts reduces, report.ts judges, format.ts prints. It ends with 0 whether goals are
 * met or not: it reports, and other machines differ.
 */

const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  "http-pristine": measurePristineHttp,
  "http-warm": measureWarmHttp,
  pristine: measurePristine,
  "pristine-live": measurePristineLive,
  "new-bytes": measureNewBytes,
  density: measureDensity,
  cold: measureCold,
  demo: measureDemo,
};

async function main(args: readonly string[]): Promise<void> {
  const { help, output, quick, writeDocs, effort, scenarios } = readOptions(args);
  if (help) return writeOut(HELP);
  const startedAt = new Date();
  const begin = performance.now();
  const findings: Required<Findings> = { samples: [], notes: [], figures: {} };
  for (const name of scenarios) {
    writeErr(`measuring: ${name}\n`);
    const { samples, notes, figures } = await SCENARIOS[name](effort);
    for (const note of notes) writeErr(`  ${note}\n`);
    findings.samples.push(...samples);
    findings.notes.push(...notes.filter((note) => !findings.notes.includes(note)));
    Object.assign(findings.figures, figures);
  }
  const report = buildReport(findings, { startedAt, quick, seconds: (performance.now() - begin) / 1000 });
  if (writeDocs) writeFileSync(join(REPOSITORY, "docs", "performance.md"), formatPage(report));
  writeOut(output === "json" ? formatJson(report) : formatReport(report));
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  writeErr(describeError(thrown));
  process.exitCode = exitCodeOf(thrown);
}
