import { readAnnotations, type StandaloneWishes } from "./annotations.ts";
import { CONFIG_MAP_SCHEMA, type ConfigMap, type Secret, SECRET_SCHEMA } from "./manifest/core-objects.ts";
import { locateProblem, type ManifestProblem, type Position } from "./manifest/manifest-problem.ts";
import type { Positions } from "./manifest/positions.ts";
import { readYamlDocuments, type YamlDocument } from "./manifest/yaml-documents.ts";
import { applyDefaults } from "./schema/defaults.ts";
import { describeValue, didYouMean, type FieldPath, type FieldProblem, MAX_PROBLEMS } from "./schema/field-problem.ts";
import { isMapping, type SchemaNode } from "./schema/schema-node.ts";
import { checkStructure } from "./schema/structure.ts";
import { readWasmApp } from "./validate.ts";
import { API_VERSION, WASM_APP_KIND } from "./wasm-app/names.ts";
import type { WasmApp } from "./wasm-app/types.ts";

/** A valid WasmApp from a file, and what its annotations ask of a standalone runtime. */
export interface LoadedManifest extends StandaloneWishes, Position {
  app: WasmApp;
  file: string;
  /** Returns where in the file a field stands, or its nearest parent: for problems that show only later. */
  locate(path: FieldPath): Position;
}

/** Everything that a file holds, and everything that is wrong with it. Documents with problems are left out. */
export interface LoadedManifests {
  apps: LoadedManifest[];
  configMaps: ConfigMap[];
  secrets: Secret[];
  problems: ManifestProblem[];
}

const API_VERSIONS: Readonly<Record<string, string>> = { [WASM_APP_KIND]: API_VERSION, ConfigMap: "v1", Secret: "v1" };
const KINDS = Object.keys(API_VERSIONS);

/**
 * Reads the WasmApps, ConfigMaps and Secrets of a multi-document YAML (or JSON) file. Never throws: what is wrong is
 * among the problems, up to 100 of them at once, each with its place. Bounds: 1 MiB, 1000 documents, 20,000 values.
 */
export function loadManifests(text: string, { file }: { file: string }): LoadedManifests {
  const loaded: LoadedManifests = { apps: [], configMaps: [], secrets: [], problems: [] };
  for (const document of readYamlDocuments(text)) {
    for (const { problem, position } of document.problems) loaded.problems.push(locateProblem(problem, file, position));
    if (document.value !== undefined && document.value !== null) {
      const problems = loadDocument(document, file, loaded);
      for (const problem of problems) {
        loaded.problems.push(locateProblem(problem, file, placeOf(problem, document.positions)));
      }
    }
    if (loaded.problems.length >= MAX_PROBLEMS) {
      endProblems(loaded.problems, file);
      break;
    }
  }
  return loaded;
}

/** Cuts what nobody reads, and says so. */
function endProblems(problems: ManifestProblem[], file: string): void {
  problems.splice(MAX_PROBLEMS);
  const { line, column } = problems.at(-1) ?? { line: 1, column: 1 };
  const message = `reading stopped after ${MAX_PROBLEMS} problems; there may be more`;
  problems.push(locateProblem({ code: "MANIFEST_TOO_LARGE", path: [], message }, file, { line, column }));
}

/** Adds the object of a document to what is loaded, or returns what is wrong with it. */
function loadDocument(
  { value, positions, problems }: YamlDocument,
  file: string,
  loaded: LoadedManifests,
): FieldProblem[] {
  const kindProblems = checkKind(value);
  if (kindProblems.length > 0 || !isMapping(value)) return kindProblems;
  const isClean = problems.length === 0;
  if (value["kind"] === WASM_APP_KIND) {
    const verdict = readWasmApp(value);
    const annotationProblems: FieldProblem[] = [];
    const wishes = readAnnotations(value["metadata"], annotationProblems);
    const all = [...verdict.problems, ...annotationProblems];
    if (isClean && all.length === 0 && verdict.app !== undefined) {
      const locate = (path: FieldPath): Position => positions.ofValue(path);
      loaded.apps.push({ app: verdict.app, file, ...positions.ofKey([]), locate, ...wishes });
    }
    return all;
  }
  const isSecret = value["kind"] === "Secret";
  const schema: SchemaNode = isSecret ? SECRET_SCHEMA : CONFIG_MAP_SCHEMA;
  const object = applyDefaults(value, schema);
  const structural = checkStructure(object, schema, { redact: isSecret });
  if (isClean && structural.length === 0) {
    if (isSecret) loaded.secrets.push(object as Secret);
    else loaded.configMaps.push(object as ConfigMap);
  }
  return structural;
}

/** Returns why a document is of no kind that is read here; nothing when it is. */
function checkKind(value: unknown): FieldProblem[] {
  const expected = `a ${KINDS.slice(0, -1).join(", ")} or ${KINDS.at(-1) ?? ""}`;
  if (!isMapping(value)) {
    const actual = describeValue(value);
    return [{ code: "MANIFEST_KIND", path: [], message: `expected ${expected}, got ${actual}`, expected, actual }];
  }
  const { kind, apiVersion } = value;
  if (kind === undefined || kind === null) {
    return [
      {
        code: "MANIFEST_MISSING_FIELD",
        path: ["kind"],
        message: `is required: ${expected}`,
        expected,
        actual: "nothing",
      },
    ];
  }
  if (typeof kind !== "string" || !Object.hasOwn(API_VERSIONS, kind)) {
    const actual = describeValue(kind);
    const hint = kind === "List" ? "; write its items as documents separated by ---" : didYouMean(actual, KINDS);
    return [
      {
        code: "MANIFEST_KIND",
        path: ["kind"],
        message: `expected ${expected}, got ${actual}${hint}`,
        expected,
        actual,
      },
    ];
  }
  const version = API_VERSIONS[kind];
  if (apiVersion === version) return [];
  const actual = describeValue(apiVersion);
  const message = `expected ${version} for a ${kind}, got ${actual}`;
  return [{ code: "MANIFEST_KIND", path: ["apiVersion"], message, expected: String(version), actual }];
}

function placeOf({ code, path }: FieldProblem, positions: Positions): Position {
  return code === "MANIFEST_UNKNOWN_FIELD" ? positions.ofKey(path) : positions.ofValue(path);
}
