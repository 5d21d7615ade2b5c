import { distance } from "fastest-levenshtein";
import type { ErrorCode } from "../../common/error-codes.ts";

/** Where a value is: `["spec", "env", 0, "name"]`. */
export type FieldPath = readonly (string | number)[];

/** One thing that is wrong with one field. */
export interface FieldProblem {
  code: ErrorCode;
  path: FieldPath;
  /** What was expected and what came, without the path. */
  message: string;
  expected?: string;
  actual?: string;
  /** What to do, where it is more than the advice of the code. */
  fix?: string;
}

/** Problems after which reading stops: nobody reads more at once, and a hostile file has room for 200,000. */
export const MAX_PROBLEMS = 100;

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const MAX_SHOWN_CHARACTERS = 60;
const MAX_COMPARED_CHARACTERS = 64;
const MAX_EDITS = 2;

/** Returns a path as people write it: `spec.env[0].name`, `metadata.labels["example.com/app"]`. */
export function formatPath(path: FieldPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (PLAIN_NAME.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${shorten(step)}]`;
  }
  return text;
}

/** Returns whether `path` is `ancestor` or lies below it. */
export function isWithin(path: FieldPath, ancestor: FieldPath): boolean {
  return path.length >= ancestor.length && ancestor.every((step, index) => path[index] === step);
}

/** Returns a text in quotes, cut to what a message has room for. */
export function shorten(text: string): string {
  const shown = text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
  return JSON.stringify(shown);
}

/** Returns a value as a message shows it: `"abc"`, `the number 5`, `a list of 3`. A redacted value shows its type alone. */
export function describeValue(value: unknown, redacted = false): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string") return redacted ? "a text" : shorten(value);
  if (typeof value === "number") return redacted ? "a number" : `the number ${value}`;
  return typeof value === "boolean" && !redacted ? String(value) : `a ${typeof value}`;
}

/** Returns the candidate that `name` was probably meant to be, or undefined when none is close. */
export function suggestName(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > MAX_COMPARED_CHARACTERS) return undefined;
  const lower = name.toLowerCase();
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: distance(lower, candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  const allowed = Math.min(MAX_EDITS, Math.max(1, Math.floor(name.length / 2)));
  return best !== undefined && best.edits <= allowed ? best.candidate : undefined;
}

/** Returns the sentence part that suggests a name, or nothing. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const suggestion = suggestName(name, candidates);
  return suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
}
