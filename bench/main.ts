import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError, exitCodeOf, formatJson, writeErr, writeOut } from "../cli/output.ts";
import { messageOf } from "../common/errors.ts";
import { formatPage, formatReport } from "./format.ts";
import { HELP, readOptions, type ScenarioName } from "./options.ts";
import { buildReport } from "./report.ts";
import { REPOSITORY } from "./runtime-under-test.ts";
import type { Findings, Scenario } from "./scenario.ts";
import { measureChecks } from "./scenarios/checks.ts";
import { measureCold } from "./scenarios/cold.ts";
import { measureDemo } from "./scenarios/demo.ts";
import { measurePristineHttp, measureWarmHttp } from "./scenarios/http.ts";
import { measureDensity } from "./scenarios/density.ts";
import { measureNewBytes, measurePristine, measurePristineLive } from "./scenarios/in-process.ts";
import { measurePull } from "./scenarios/pull.ts";
import { measureOverload } from "./scenarios/overload.ts";
import { measureLastResort } from "./scenarios/last-resort.ts";
import { measureRunaway } from "./scenarios/runaway.ts";

/*
 * `npm run bench`: scenarios/ measure, stats.ts reduces, report.ts judges, format.ts prints. It ends with 0 whether goals are
 * met or not: it reports, and other machines differ. With 1 where a scenario failed.
 */

const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  "http-pristine": measurePristineHttp,
  "http-warm": measureWarmHttp,
  pristine: measurePristine,
  "pristine-live": measurePristineLive,
  "new-bytes": measureNewBytes,
  density: measureDensity,
  cold: measureCold,
  runaway: measureRunaway,
  overload: measureOverload,
  "last-resort": measureLastResort,
  checks: measureChecks,
  demo: measureDemo,
  pull: measurePull,
};

async function main(args: readonly string[]): Promise<void> {
  const { help, output, quick, writeDocs, effort, scenarios } = readOptions(args);
  if (help) return writeOut(HELP);
  const startedAt = new Date();
  const begin = performance.now();
  const findings: Required<Findings> = { samples: [], notes: [], figures: {} };
  for (const name of scenarios) {
    writeErr(`measuring: ${name}\n`);
    const { samples, notes, figures } = await SCENARIOS[name](effort).catch((thrown) => failed(name, thrown));
    for (const note of notes) writeErr(`  ${note}\n`);
    findings.samples.push(...samples);
    findings.notes.push(...notes.filter((note) => !findings.notes.includes(note)));
    Object.assign(findings.figures, figures);
  }
  const seconds = (performance.now() - begin) / 1000;
  const report = buildReport(findings, { startedAt, quick, seconds, scenarios });
  if (writeDocs) writeFileSync(join(REPOSITORY, "docs", "performance.md"), formatPage(report));
  writeOut(output === "json" ? formatJson(report) : formatReport(report));
}

/** One scenario that fails does not cost what the others have measured; its goals have no value, and the exit code says so. */
function failed(name: ScenarioName, thrown: unknown): Findings {
  process.exitCode = 1;
  return { samples: [], notes: [`${name} is not measured: ${messageOf(thrown)}`] };
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  writeErr(describeError(thrown));
  process.exitCode = exitCodeOf(thrown);
}
