import { applyDefaults } from "./schema/defaults.ts";
import { type FieldPath, type FieldProblem, isWithin, MAX_PROBLEMS } from "./schema/field-problem.ts";
import { checkRules } from "./schema/rules.ts";
import { checkStructure } from "./schema/structure.ts";
import { WASM_APP_SCHEMA } from "./wasm-app/schema.ts";
import type { WasmApp } from "./wasm-app/types.ts";

/** What reading a value as a WasmApp gave: the defaulted app, or everything that is wrong with it. */
export type WasmAppVerdict = { app: WasmApp; problems: [] } | { app?: never; problems: FieldProblem[] };

/** Judges a value of any origin as a WasmApp, by the schema and the CEL rules that the API server also judges it by. */
export function readWasmApp(value: unknown): WasmAppVerdict {
  const nulls: FieldPath[] = [];
  const defaulted = applyDefaults(value, WASM_APP_SCHEMA, (path) => nulls.push(path));
  const structural = checkStructure(defaulted, WASM_APP_SCHEMA);
  const isReadable = structural.length < MAX_PROBLEMS;
  const broken = isReadable ? checkRules(defaulted, WASM_APP_SCHEMA, (path) => structural.some(hides(path))) : [];
  const problems = [...structural, ...broken];
  if (problems.length === 0) return { app: defaulted as WasmApp, problems: [] };
  return { problems: problems.map((problem) => explainNull(problem, nulls)) };
}

/** Returns everything that is wrong with a value as a WasmApp; nothing when it is valid. */
export function validateWasmApp(value: unknown): FieldProblem[] {
  return readWasmApp(value).problems;
}

/** Returns a WasmApp with the defaults that an API server fills in. It is not validated. */
export function defaultWasmApp(app: unknown): WasmApp {
  return applyDefaults(app, WASM_APP_SCHEMA) as WasmApp;
}

/** Returns whether a structural problem makes the rules on a node meaningless: they would only repeat it. */
function hides(node: FieldPath): (problem: FieldProblem) => boolean {
  return ({ code, path }) => {
    // An unknown field is otherwise ignored: it may be a misspelt one that the rules on its own object miss.
    if (code === "MANIFEST_UNKNOWN_FIELD") return path.length === node.length + 1 && isWithin(path, node);
    return isWithin(path, node);
  };
}

/** Returns the problem with advice about a field that was written without a value, where that explains it. */
function explainNull(problem: FieldProblem, nulls: readonly FieldPath[]): FieldProblem {
  const explains = problem.code === "MANIFEST_RULE" || problem.code === "MANIFEST_MISSING_FIELD";
  const culprit = explains ? nulls.find((path) => isWithin(path, problem.path)) : undefined;
  const name = culprit?.at(-1);
  if (name === undefined) return problem;
  const fix = `"${name}:" with nothing after it counts as left out: give it a value, or write "${name}: {}".`;
  return { ...problem, fix };
}
