import { mkdir, readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { buildRulesOutput } from "../alerts/outputs.ts";
import { buildChartOutputs } from "../charts/generate/outputs.ts";
import { systemCodeOf } from "../common/errors.ts";
import { buildDashboardOutputs } from "../dashboards/outputs.ts";
import { diffLines } from "./generate/line-diff.ts";
import { buildExampleOutputs } from "../examples/embed-guests.ts";
import { buildOutputs, type Output } from "./generate/outputs.ts";

const HELP = `Usage: npm run generate [-- --check]

Writes what is made from the definitions in crds/ and common/error-codes.ts: the CustomResourceDefinitions, the JSON
Schema for editors, docs/errors.md and the pages of the kinds; from charts/generate/values.ts: the values of the chart, their
schema and the table in its README; from dashboards/ and alerts/: what Grafana and Prometheus read; and the programs in the
manifests of examples/.

Options:
  --check   Write nothing; print how the files differ from what would be written, and exit with 1 if they do.
  --help    Show this help.
`;

const ROOT = new URL("../", import.meta.url);

/** Returns the text of a generated file as it is on disk; empty where it is not there yet. */
async function readCurrent({ path }: Output): Promise<string> {
  try {
    return await readFile(new URL(path, ROOT), "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return "";
    throw error;
  }
}

/** Prints how a generated file differs from what it should be; returns whether it does. */
async function reportDifference(output: Output): Promise<boolean> {
  const difference = diffLines(await readCurrent(output), output.text);
  if (difference === "") return false;
  process.stdout.write(`${output.path} is out of date:\n${difference}\n\n`);
  return true;
}

async function check(outputs: readonly Output[]): Promise<void> {
  let stale = 0;
  for (const output of outputs) if (await reportDifference(output)) stale++;
  if (stale === 0) {
    process.stdout.write(`${outputs.length} generated files are up to date\n`);
    return;
  }
  process.stdout.write("Run `npm run generate` and commit the result.\n");
  process.exitCode = 1;
}

async function write(outputs: readonly Output[]): Promise<void> {
  for (const output of outputs) {
    const isChanged = (await readCurrent(output)) !== output.text;
    const file = new URL(output.path, ROOT);
    await mkdir(new URL("./", file), { recursive: true });
    if (isChanged) await writeFile(file, output.text);
    process.stdout.write(`${isChanged ? "wrote" : "kept "} ${output.path}\n`);
  }
}

const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
if (values.help === true) process.stdout.write(HELP);
else {
  const definitions = await buildOutputs(ROOT);
  // The chart's templates are made of the definitions as they are on disk.
  if (values.check !== true) await write(definitions);
  const others = [buildChartOutputs, buildDashboardOutputs, buildExampleOutputs].map((build) => build(ROOT));
  const rest = [...(await Promise.all(others)).flat(), buildRulesOutput()];
  await (values.check === true ? check([...definitions, ...rest]) : write(rest));
}
