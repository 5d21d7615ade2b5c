import { ERROR_CODES } from "../common/error-codes.ts";
import { loadManifests, type LoadedManifest } from "../crds/load.ts";
import { formatProblem, type ManifestProblem } from "../crds/manifest/manifest-problem.ts";
import type { ManifestFile } from "./manifest-files.ts";
import { printable } from "./output.ts";

/** What checking manifests found. */
export interface Validation {
  valid: boolean;
  files: number;
  apps: number;
  problems: ManifestProblem[];
}

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
    for (const other of first === undefined ? [] : others) {
      problems.push({
        code: "APP_CONFLICT",
        file: other.file,
        ...other.locate(["metadata", "name"]),
        path: "metadata.name",
        message: `the app ${id} is also in ${first?.file}:${first?.line}:${first?.column}`,
        expected: "one manifest per namespace and name",
        fix: ERROR_CODES.APP_CONFLICT.fix,
      });
    }
  }
  return problems;
}

/** Returns what was found, for people. */
export function describeValidation({ valid, files, apps, problems }: Validation): string {
  const lines = problems.flatMap((problem) => [printable(formatProblem(problem)), `  fix: ${printable(problem.fix)}`]);
  const checked = `${count(files, "file")}, ${count(apps, "valid app")}`;
  lines.push(valid ? `${checked}: no problems` : `${count(problems.length, "problem")} (${checked})`);
  return `${lines.join("\n")}\n`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
