import { ERROR_CODES, type ErrorCode } from "../../common/error-codes.ts";
import { type FieldProblem, formatPath } from "../schema/field-problem.ts";

/** A place in a file; both count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** One thing that is wrong with a manifest, and where. */
export interface ManifestProblem extends Position {
  code: ErrorCode;
  file: string;
  /** The field, such as `spec.limits.memory`; empty where the whole document or file is meant. */
  path: string;
  /** What was expected and what came, without the place. */
  message: string;
  expected?: string;
  actual?: string;
  /** What to do about it. */
  fix: string;
}

/** Returns the problem of a field as a problem of a file. */
export function locateProblem(problem: FieldProblem, file: string, position: Position): ManifestProblem {
  const { code, path, message, expected, actual, fix } = problem;
  return {
    code,
    file,
    ...position,
    path: formatPath(path),
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    fix: fix ?? ERROR_CODES[code].fix,
  };
}

/** Returns a problem as one line: `hello.yaml:7:11: spec.trigger: exactly one of …`. */
export function formatProblem({ file, line, column, path, message }: ManifestProblem): string {
  return `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${message}`;
}
