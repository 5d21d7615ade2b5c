import type { Command } from "commander";
import { ERROR_CODES } from "../../common/error-codes.ts";
import { loadManifests, type LoadedManifest } from "../../crds/load.ts";
import { formatProblem, type ManifestProblem } from "../../crds/manifest/manifest-problem.ts";
import type { CommandContext } from "../command-context.ts";
import { readManifestFiles, type ManifestFile } from "../manifest-files.ts";
import { outputOption } from "../options.ts";
import { formatJson, printable, writeOut } from "../output.ts";

/** What checking manifests found. */
export interface Validation {
  valid: boolean;
  files: number;
  apps: number;
  problems: ManifestProblem[];
}

/** `wasmlet validate FILE…`: what is wrong with manifests, all of it at once. */
export function defineValidate(command: Command, { finish }: CommandContext): void {
  command
    .argument("<file...>", "manifests, folders of them, or - for standard input")
    .addOption(outputOption("text", "json"))
    .addHelpText("after", HELP)
    .action((paths: string[], { output }: { output: "text" | "json" }) => {
      const validation = validateManifests(readManifestFiles(paths));
      writeOut(output === "json" ? formatJson(validation) : describeValidation(validation));
      finish(validation.valid ? 0 : 1);
    });
}

const HELP = `
Prints a line \`file:line:column: field: problem\` per problem and what to do about it. Exits with 1 when there is one.

Examples:
  wasmlet validate app.yaml
  wasmlet validate ./manifests -o json
  helm template ./chart | wasmlet validate -
`;

/** Checks manifests as the node runtime and the API server do, and that no two apps have one name. */
export function validateManifests(files: readonly ManifestFile[]): Validation {
  const loaded = files.map(({ file, text }) => loadManifests(text, { file }));
  const apps = loaded.flatMap((manifests) => manifests.apps);
  const problems = [...loaded.flatMap((manifests) => manifests.problems), ...findConflicts(apps)];
  return { valid: problems.length === 0, files: files.length, apps: apps.length, problems };
}

function findConflicts(apps: readonly LoadedManifest[]): ManifestProblem[] {
  const byId = Map.groupBy(apps, ({ app: { metadata } }) => `${metadata.namespace}/${metadata.name}`);
  const problems: ManifestProblem[] = [];
  for (const [id, [first, ...others]] of byId) {
    for (const { file, locate } of first === undefined ? [] : others) {
      problems.push({
        code: "APP_CONFLICT",
        file,
        ...locate(["metadata", "name"]),
        path: "metadata.name",
        message: `the app ${id} is also in ${first?.file}:${first?.line}:${first?.column}`,
        expected: "one manifest per namespace and name",
        fix: ERROR_CODES.APP_CONFLICT.fix,
      });
    }
  }
  return problems;
}

function describeValidation({ valid, files, apps, problems }: Validation): string {
  const lines = problems.flatMap((problem) => [printable(formatProblem(problem)), `  fix: ${printable(problem.fix)}`]);
  const checked = `${count(files, "file")}, ${count(apps, "valid app")}`;
  lines.push(valid ? `${checked}: no problems` : `${count(problems.length, "problem")} (${checked})`);
  return `${lines.join("\n")}\n`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
