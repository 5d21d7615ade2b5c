import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, Scalar, type YAMLMap } from "yaml";
import type { ErrorCode } from "../../common/error-codes.ts";
import { type FieldPath, type FieldProblem, MAX_PROBLEMS, shorten } from "../schema/field-problem.ts";
import type { Position } from "./manifest-problem.ts";
import type { Positions } from "./positions.ts";
import { resolvePlainScalar } from "./scalars.ts";

const MAX_DEPTH = 64;
/** Values that the documents of one file may have together. */
export const MAX_VALUES = 20_000;
const ALLOWED_TAGS = new Set(["!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"]);

/** Values that the documents of one file may still grow to: aliases make a small file large. */
export interface ValueBudget {
  left: number;
}

/** A problem whose place in the file is known. */
export interface PlacedProblem {
  problem: FieldProblem;
  position: Position;
}

/** A YAML document as plain values. */
export interface YamlContent {
  /** Undefined where the document can't be read to its end. */
  value: unknown;
  problems: PlacedProblem[];
}

/** Turns a parsed document into plain values as kubectl would, and records where in the file each of them stands. */
export function readYamlContent(contents: Node | null, positions: Positions, budget: ValueBudget): YamlContent {
  const reader = new YamlReader(positions, budget);
  try {
    return { value: reader.read(contents, []), problems: reader.problems };
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown;
    return { value: undefined, problems: reader.problems };
  }
}

/** Leaves a document that can't be read any further; the problem is recorded before. */
class Unreadable extends Error {}

class YamlReader {
  readonly problems: PlacedProblem[] = [];
  readonly #positions: Positions;
  readonly #budget: ValueBudget;
  readonly #anchors = new Map<string, Node>();
  #openAliases = 0;

  constructor(positions: Positions, budget: ValueBudget) {
    this.#positions = positions;
    this.#budget = budget;
  }

  read(node: Node | null | undefined, path: FieldPath): unknown {
    const offset = node?.range?.[0];
    if (offset !== undefined) this.#positions.setValue(path, offset);
    if (--this.#budget.left < 0) {
      throw this.#giveUp(
        "MANIFEST_TOO_LARGE",
        path,
        `the file has, or grows through YAML aliases to, more than ${MAX_VALUES} values`,
      );
    }
    if (path.length > MAX_DEPTH) {
      throw this.#giveUp("MANIFEST_TOO_DEEP", path.slice(0, 4), `nested more than ${MAX_DEPTH} levels deep`);
    }
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#readAlias(node.source, path);
    this.#checkTag(node, path);
    // An anchor inside an aliased value was seen before, and may have been given to another value since.
    if (node.anchor !== undefined && this.#openAliases === 0) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return readScalar(node);
    if (isSeq<Node>(node)) return node.items.map((item, index) => this.read(item, [...path, index]));
    return isMap<Node, Node | null>(node) ? this.#readMap(node, path) : null;
  }

  #report(code: ErrorCode, path: FieldPath, message: string, position = this.#positions.ofValue(path)): void {
    this.problems.push({ problem: { code, path, message }, position });
    if (this.problems.length >= MAX_PROBLEMS) throw new Unreadable(message);
  }

  #giveUp(code: ErrorCode, path: FieldPath, message: string): Unreadable {
    this.#report(code, path, message);
    return new Unreadable(message);
  }

  #readAlias(source: string, path: FieldPath): unknown {
    const target = this.#anchors.get(source);
    if (target === undefined) {
      this.#report("MANIFEST_SYNTAX", path, `the alias *${source} has no anchor &${source} before it`);
      return null;
    }
    this.#openAliases++;
    const value = this.read(target, path);
    this.#openAliases--;
    return value;
  }

  #checkTag(node: Node, path: FieldPath): void {
    if (node.tag === undefined || ALLOWED_TAGS.has(node.tag)) return;
    this.#report(
      "MANIFEST_SYNTAX",
      path,
      `the YAML tag ${shorten(node.tag.replace("tag:yaml.org,2002:", "!!"))} is not supported`,
    );
  }

  #readMap(map: YAMLMap<Node, Node | null>, path: FieldPath): unknown {
    const entries = new Map<string, unknown>();
    const merged: Node[] = [];
    for (const pair of map.items) {
      if (isMergeKey(pair.key)) {
        if (pair.value !== null) merged.push(pair.value);
      } else this.#readPair(pair, entries, path);
    }
    for (const node of merged) this.#merge(node, entries, path);
    // fromEntries defines own properties, so that a field called __proto__ stays a field.
    return Object.fromEntries(entries);
  }

  #readPair({ key, value }: Pair<Node, Node | null>, entries: Map<string, unknown>, path: FieldPath): void {
    const position = this.#positions.at(key.range?.[0] ?? 0);
    const name = isScalar(key) ? readKey(key) : undefined;
    if (name === null || name === undefined) {
      const message =
        name === null ? "a field without a name" : "an alias, list or mapping can't be the name of a field";
      this.#report("MANIFEST_TYPE", path, message, position);
      return;
    }
    const here = [...path, name];
    if (entries.has(name)) {
      const first = this.#positions.ofKey(here);
      const message = `${shorten(name)} is given twice; the first is at ${first.line}:${first.column}`;
      this.#report("MANIFEST_DUPLICATE_KEY", here, message, position);
      return;
    }
    this.#positions.setKey(here, key.range?.[0] ?? 0);
    entries.set(name, this.read(value, here));
  }

  /** Merges what `<<` refers to: fields that are given themselves win, then those merged earlier. */
  #merge(node: Node, entries: Map<string, unknown>, path: FieldPath): void {
    const here = [...path, "<<"];
    const value = this.read(node, here);
    for (const source of Array.isArray(value) ? value : [value]) {
      if (typeof source !== "object" || source === null || Array.isArray(source)) {
        this.#report("MANIFEST_TYPE", here, "<< expects a mapping or a list of mappings");
        continue;
      }
      for (const [name, property] of Object.entries(source)) if (!entries.has(name)) entries.set(name, property);
    }
  }
}

function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.type === Scalar.PLAIN && key.value === "<<";
}

/** Field names are texts: `8080:` is "8080", `on:` is "true"; a number that is not exact keeps its spelling. */
function readKey(key: Scalar): string | null {
  const value = readScalar(key);
  if (value === null) return null;
  return typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER ? String(key.value) : String(value);
}

/** Scalars come as texts (schema "failsafe"); plain ones stand for what kubectl reads in them. */
function readScalar(scalar: Scalar): string | number | boolean | null {
  const text = String(scalar.value);
  return scalar.type === Scalar.PLAIN && scalar.tag === undefined ? resolvePlainScalar(text) : text;
}
