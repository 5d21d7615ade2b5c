import { readFileSync, statSync } from "node:fs";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { loadManifests, type LoadedManifest } from "../../crds/load.ts";
import type { ConfigMap, Secret } from "../../crds/manifest/core-objects.ts";
import type { ManifestProblem } from "../../crds/manifest/manifest-problem.ts";
import type { DesiredState } from "./desired-state.ts";
import { desiredAppOf } from "./manifest-apps.ts";

/** A manifest larger than this is not read. */
const MAX_FILE_BYTES = 1024 * 1024;

/** An app as a file defines it, or as it did before the file got a problem: `held` is then that problem. */
interface AppManifest {
  manifest: LoadedManifest;
  held?: WasmletError;
}

/** What one file says: its valid objects, and what is wrong with the rest. */
interface Reading {
  apps: AppManifest[];
  configMaps: ConfigMap[];
  secrets: Secret[];
  problems: WasmletError[];
}

/**
 * Turns manifest files into desired state, again and again. A mistake in a file takes nothing away that runs: what the
 * file said when it was last valid stands until it is valid again or gone.
 */
export class FolderReader {
  #before = new Map<string, Reading>();

  /** Returns what the files ask for now. Never throws: what is wrong is among the problems. */
  read(files: readonly string[]): DesiredState {
    const now = new Map(files.map((file) => [file, withKept(readFile(file), this.#before.get(file))]));
    this.#before = now;
    const readings = [...now.values()];
    const problems = readings.flatMap((reading) => reading.problems);
    const configMaps = readings.flatMap((reading) => reading.configMaps);
    const secrets = readings.flatMap((reading) => reading.secrets);
    const apps = withoutDuplicates(
      readings.flatMap((reading) => reading.apps),
      problems,
    );
    return {
      apps: apps.map(({ manifest, held }) => {
        const app = desiredAppOf(manifest, configMaps, secrets);
        if (held !== undefined) app.held = held;
        return app;
      }),
      problems,
    };
  }
}

/** Adds to what a file with problems says what it said before and does not say now. */
function withKept(now: Reading, before: Reading | undefined): Reading {
  const [problem] = now.problems;
  if (problem === undefined || before === undefined) return now;
  const said = new Set(now.apps.map(({ manifest }) => idOf(manifest.app)));
  const kept = before.apps.filter(({ manifest }) => !said.has(idOf(manifest.app)));
  return {
    apps: [...now.apps, ...kept.map(({ manifest }) => ({ manifest: withoutPlaces(manifest), held: problem }))],
    configMaps: [...now.configMaps, ...missingFrom(now.configMaps, before.configMaps)],
    secrets: [...now.secrets, ...missingFrom(now.secrets, before.secrets)],
    problems: now.problems,
  };
}

function missingFrom<Kept extends ConfigMap | Secret>(now: readonly Kept[], before: readonly Kept[]): Kept[] {
  const said = new Set(now.map(idOf));
  return before.filter((object) => !said.has(idOf(object)));
}

/** Where fields stood in a text that is gone helps nobody. */
function withoutPlaces(manifest: LoadedManifest): LoadedManifest {
  const { line, column } = manifest;
  return { ...manifest, locate: () => ({ line, column }) };
}

function idOf({ metadata: { namespace, name } }: { metadata: { namespace: string; name: string } }): string {
  return `${namespace}/${name}`;
}

function readFile(file: string): Reading {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES) return failed(tooLarge(file, size));
    const { apps, configMaps, secrets, problems } = loadManifests(readFileSync(file, "utf8"), { file });
    return { apps: apps.map((manifest) => ({ manifest })), configMaps, secrets, problems: problems.map(errorOf) };
  } catch (cause) {
    const why = `cannot read ${file}: ${messageOf(cause)}`;
    return failed(new WasmletError("RUNTIME_FOLDER", why, { where: file, cause }));
  }
}

function failed(problem: WasmletError): Reading {
  return { apps: [], configMaps: [], secrets: [], problems: [problem] };
}

function errorOf({ code, message, file, line, column, path, expected, actual, fix }: ManifestProblem): WasmletError {
  return new WasmletError(code, path === "" ? message : `${path}: ${message}`, {
    where: `${file}:${line}:${column}`,
    fix,
    ...(expected !== undefined && { expected }),
    ...(actual !== undefined && { actual }),
  });
}

function tooLarge(file: string, size: number): WasmletError {
  return new WasmletError("MANIFEST_TOO_LARGE", `${file} is larger than ${MAX_FILE_BYTES} bytes and not read`, {
    where: file,
    expected: `at most ${MAX_FILE_BYTES} bytes`,
    actual: `${size} bytes`,
  });
}

/**
 * The first of two apps of one name wins, so that adding a file never stops what runs. One that is only held gives way
 * in silence: it may have moved to the other file.
 */
function withoutDuplicates(apps: readonly AppManifest[], problems: WasmletError[]): AppManifest[] {
  const first = new Map<string, AppManifest>();
  for (const app of [...apps.filter(({ held }) => !held), ...apps.filter(({ held }) => held)]) {
    const id = idOf(app.manifest.app);
    const other = first.get(id)?.manifest;
    if (other === undefined) first.set(id, app);
    else if (app.held === undefined) {
      problems.push(
        new WasmletError("APP_CONFLICT", `the app ${id} is defined twice; the first one serves`, {
          where: `${app.manifest.file}:${app.manifest.line}:${app.manifest.column}`,
          expected: "one manifest per namespace and name",
          actual: `another one in ${other.file}:${other.line}:${other.column}`,
        }),
      );
    }
  }
  return [...first.values()];
}
