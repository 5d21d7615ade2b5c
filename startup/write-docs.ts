import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readConfig } from "../config/config.ts";
import { connectFromKubeconfig } from "../kube/connection.ts";
import { compareStarts } from "./measure.ts";
import { runToEnd } from "./processes.ts";
import { pagesOf, type RecordedRun } from "./report/page.ts";
import { PROGRAM_IMAGE } from "./program-image.ts";
import { TECHNOLOGY_NAMES } from "./technologies.ts";

const HELP = `Usage: npm run startup:docs [-- --samples N] [-- --kubeconfig FILE] [-- --render]

Compares starts as \`wasmlet bench startup\` does, 30 of each unless told otherwise, and writes docs/startup.json, the pages
that are made of it, and the table in the README. --render writes the pages anew from the samples that are there.
`;

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const RECORD = join(ROOT, "docs/startup.json");
const CHECK = join(ROOT, "startup/independent-check.sh");

const { values } = parseArgs({
  options: {
    samples: { type: "string", default: "30" },
    render: { type: "boolean", default: false },
    kubeconfig: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) process.stdout.write(HELP);
else {
  if (!values.render) writeFileSync(RECORD, formatRecord(await measure(Number(values.samples))));
  const run = JSON.parse(readFileSync(RECORD, "utf8")) as RecordedRun;
  const pages = pagesOf(run, readFileSync(join(ROOT, "README.md"), "utf8"));
  for (const [path, text] of Object.entries(pages)) writeFileSync(join(ROOT, path), text);
}

async function measure(samples: number): Promise<RecordedRun> {
  const { cacheDirectory, searchPath } = readConfig();
  const comparison = await compareStarts({
    technologies: TECHNOLOGY_NAMES,
    samples,
    isWhole: true,
    kernelRoots: [join(cacheDirectory, "startup-kernel"), "/"],
    debianFolder: join(cacheDirectory, "startup-debian"),
    searchPath,
    cluster: values.kubeconfig === undefined ? undefined : await connectFromKubeconfig(values.kubeconfig),
    image: PROGRAM_IMAGE,
    onProgress: (step) => process.stderr.write(`${step}\n`),
  });
  const seconds = (await runToEnd("bash", [CHECK, "10"])).trim().split("\n").map(Number);
  return {
    comparison,
    independent: { seconds, resolutionSeconds: Number(await runToEnd("bash", [CHECK, "--resolution"])) },
  };
}

/** A line for each sample, so that a new run can be read as a difference. */
function formatRecord({ comparison, independent }: RecordedRun): string {
  const { samples, ...rest } = comparison;
  const lines = samples.map((sample) => `    ${JSON.stringify(sample)}`).join(",\n");
  const head = JSON.stringify(rest, null, 2).slice(0, -2).replaceAll("\n", "\n  ");
  return `{\n  "independent": ${JSON.stringify(independent)},\n  "comparison": ${head},\n  "samples": [\n${lines}\n  ]}\n}\n`;
}
