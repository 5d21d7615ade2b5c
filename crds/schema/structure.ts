import type { ErrorCode } from "../../common/error-codes.ts";
import {
  describeValue,
  didYouMean,
  type FieldPath,
  type FieldProblem,
  formatPath,
  MAX_PROBLEMS,
  shorten,
} from "./field-problem.ts";
import { isMapping, propertySchema, type SchemaNode } from "./schema-node.ts";

/** How values are judged. */
export interface StructureOptions {
  /** Keeps values out of messages: set for Secrets. */
  redact?: boolean;
}

const TYPE_NAMES = {
  object: "a mapping",
  array: "a list",
  string: "a text",
  integer: "a whole number",
  boolean: "true or false",
} as const;

const patterns = new Map<string, RegExp>();

/** Returns whether a text matches a pattern of a schema. */
export function matchesPattern(text: string, pattern: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = new RegExp(pattern, "u");
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}

/**
 * Returns everything about a value that its schema does not allow: types, bounds, patterns, unknown and missing fields.
 * Stops after about `MAX_PROBLEMS`; of a list that is too long, only the entries are judged that it may have.
 */
export function checkStructure(value: unknown, schema: SchemaNode, options: StructureOptions = {}): FieldProblem[] {
  const check = new StructureCheck(options.redact ?? false);
  check.checkNode(value, schema, []);
  return check.problems;
}

class StructureCheck {
  readonly problems: FieldProblem[] = [];
  readonly #redact: boolean;

  constructor(redact: boolean) {
    this.#redact = redact;
  }

  checkNode(value: unknown, schema: SchemaNode, path: FieldPath): void {
    if (!hasType(value, schema)) this.#reportType(value, schema, path);
    else if (typeof value === "string") this.#checkText(value, schema, path);
    else if (typeof value === "number") this.#checkNumber(value, schema, path);
    else if (Array.isArray(value)) this.#checkList(value, schema, path);
    else if (isMapping(value)) this.#checkMapping(value, schema, path);
  }

  get #isFull(): boolean {
    return this.problems.length >= MAX_PROBLEMS;
  }

  #report(code: ErrorCode, path: FieldPath, expected: string, actual: string, hint = ""): void {
    this.problems.push({ code, path, message: `expected ${expected}, got ${actual}${hint}`, expected, actual });
  }

  #reportBounds(path: FieldPath, expected: string, actual: string): void {
    this.#report("MANIFEST_OUT_OF_BOUNDS", path, expected, actual);
  }

  #reportType(value: unknown, schema: SchemaNode, path: FieldPath): void {
    const isScalar = typeof value === "number" || typeof value === "boolean";
    const hint = schema.type === "string" && isScalar ? "; put it in quotes" : "";
    this.#report("MANIFEST_TYPE", path, expectedType(schema), describeValue(value, this.#redact), hint);
  }

  #checkText(value: string, schema: SchemaNode, path: FieldPath): void {
    const actual = describeValue(value, this.#redact);
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      const expected = schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(", ")}`;
      this.#report("MANIFEST_ENUM", path, expected, actual, didYouMean(value, schema.enum));
      return;
    }
    const characters = countCharacters(value);
    const { minLength = 0, maxLength = Infinity, pattern } = schema;
    if (characters > maxLength) {
      this.#reportBounds(path, `at most ${maxLength} characters`, String(characters));
    } else if (characters < minLength) {
      this.#reportBounds(path, schema.title ?? `at least ${minLength} characters`, actual);
    } else if (pattern !== undefined && !matchesPattern(value, pattern)) {
      this.#report("MANIFEST_FORMAT", path, schema.title ?? `a text that matches ${pattern}`, actual);
    }
  }

  #checkNumber(value: number, schema: SchemaNode, path: FieldPath): void {
    const { minimum = -Infinity, maximum = Infinity } = schema;
    if (value > maximum) this.#reportBounds(path, `at most ${maximum}`, String(value));
    if (value < minimum) this.#reportBounds(path, `at least ${minimum}`, String(value));
  }

  #checkList(value: unknown[], schema: SchemaNode, path: FieldPath): void {
    const { minItems = 0, maxItems = Infinity, items } = schema;
    if (value.length < minItems) this.#reportBounds(path, `at least ${countEntries(minItems)}`, String(value.length));
    if (value.length > maxItems) this.#reportBounds(path, `at most ${countEntries(maxItems)}`, String(value.length));
    const judged = value.slice(0, maxItems);
    for (const [index, item] of judged.entries()) {
      if (items === undefined || this.#isFull) break;
      this.checkNode(item, items, [...path, index]);
    }
    this.#checkUnique(judged, schema, path);
  }

  #checkUnique(value: unknown[], schema: SchemaNode, path: FieldPath): void {
    const listType = schema["x-kubernetes-list-type"];
    if (listType !== "map" && listType !== "set") return;
    const keys = schema["x-kubernetes-list-map-keys"] ?? [];
    const first = new Map<string, number>();
    for (const [index, item] of value.entries()) {
      if (this.#isFull) return;
      const identity = JSON.stringify(isMapping(item) ? keys.map((key) => item[key]) : item);
      const earlier = first.get(identity);
      if (earlier === undefined) first.set(identity, index);
      else {
        const at = isMapping(item) ? [...path, index, ...keys.slice(0, 1)] : [...path, index];
        const shown = isMapping(item) ? item[keys[0] ?? ""] : item;
        const message = `${describeValue(shown, this.#redact)} is already used by ${formatPath([...path, earlier])}`;
        this.problems.push({ code: "MANIFEST_DUPLICATE_ENTRY", path: at, message });
      }
    }
  }

  #checkMapping(value: Record<string, unknown>, schema: SchemaNode, path: FieldPath): void {
    const names = Object.keys(value);
    const { maxProperties = Infinity, propertyNames } = schema;
    if (names.length > maxProperties) {
      this.#reportBounds(path, `at most ${countEntries(maxProperties)}`, String(names.length));
    }
    for (const name of names) {
      if (this.#isFull) return;
      const property = propertySchema(schema, name);
      if (property !== undefined) this.checkNode(value[name], property, [...path, name]);
      else if (schema.additionalProperties === false) this.#reportUnknown(name, schema, path);
      if (propertyNames?.pattern !== undefined && !matchesPattern(name, propertyNames.pattern)) {
        this.#report("MANIFEST_FORMAT", [...path, name], propertyNames.title ?? "another key", shorten(name));
      }
    }
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name)) this.#reportMissing(name, schema.properties?.[name], path);
    }
  }

  #reportUnknown(name: string, schema: SchemaNode, path: FieldPath): void {
    const siblings = Object.keys(schema.properties ?? {});
    const message = `unknown field ${shorten(name)}${didYouMean(name, siblings)}`;
    const expected = siblings.length === 0 ? "no fields" : `one of ${siblings.join(", ")}`;
    this.problems.push({
      code: "MANIFEST_UNKNOWN_FIELD",
      path: [...path, name],
      message,
      expected,
      actual: shorten(name),
    });
  }

  #reportMissing(name: string, schema: SchemaNode | undefined, path: FieldPath): void {
    const expected = schema === undefined ? "a value" : expectedType(schema);
    this.problems.push({
      code: "MANIFEST_MISSING_FIELD",
      path: [...path, name],
      message: `is required: ${expected}`,
      expected,
      actual: "nothing",
    });
  }
}

/** Returns whether a value has one of the types that its schema allows. */
function hasType(value: unknown, schema: SchemaNode): boolean {
  if (schema["x-kubernetes-int-or-string"] === true) return typeof value === "string" || Number.isInteger(value);
  switch (schema.type) {
    case undefined:
      return true;
    case "object":
      return isMapping(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === schema.type;
  }
}

/** Returns what a node expects, as a noun phrase. */
function expectedType(schema: SchemaNode): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.enum !== undefined)
    return schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(", ")}`;
  if (schema.type === undefined) return "a value";
  const names = Object.keys(schema.properties ?? {});
  return names.length === 0 ? TYPE_NAMES[schema.type] : `${TYPE_NAMES[schema.type]} with ${names.join(", ")}`;
}

/** Returns the number of Unicode characters, as the API server counts them. */
function countCharacters(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; count++) index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

function countEntries(count: number): string {
  return count === 1 ? "1 entry" : `${count} entries`;
}
