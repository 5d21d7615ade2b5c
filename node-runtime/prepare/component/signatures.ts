import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { WasmletError } from "../../../common/errors.ts";
import type { BindingPlan, FunctionType, TypeDefinition, ValueType } from "../../artifacts/binding-plan.ts";
import { NotLean } from "./not-lean.ts";

/** The functions of each offered interface with a digest of their type: what `describeFunctions` says of WASI's own WIT. */
type Signatures = Readonly<Record<string, Readonly<Record<string, string>>>>;

const SIGNATURES_FILE = new URL("../../wasi/signatures.json", import.meta.url);

/** Digits of a digest that are kept: two types that share them by chance are not a way in, since both are valid. */
const DIGEST_DIGITS = 32;

/** How many wrong functions an error names. */
const MAX_NAMED = 10;

/**
 * Throws ARTIFACT_IMPORT_NOT_OFFERED unless each host function that the plan imports is one of WASI 0.2, with its type:
 * a component brings its own WIT, and a host function must never see an argument of another type than it was written for.
 */
export function checkSignatures(plan: BindingPlan): void {
  const offered = JSON.parse(readFileSync(SIGNATURES_FILE, "utf8")) as Signatures;
  const wrong: string[] = [];
  for (const [interfaceName, functions] of Object.entries(describeFunctions(plan))) {
    const known = new Map(Object.entries(offered[interfaceName] ?? {}));
    for (const [name, digest] of Object.entries(functions)) {
      if (known.get(name) !== digest) wrong.push(`${interfaceName}#${name}`);
    }
  }
  if (wrong.length === 0) return;
  const named = wrong.slice(0, MAX_NAMED).join(", ");
  throw new WasmletError(
    "ARTIFACT_IMPORT_NOT_OFFERED",
    `imports ${named}, which WASI 0.2 does not have, or has with another type`,
    { expected: "functions as the WIT of WASI 0.2.12 declares them", actual: named },
  );
}

/** Returns a digest of the type of each host function that a plan imports, by interface and name, in order. */
export function describeFunctions(plan: BindingPlan): Record<string, Record<string, string>> {
  const digests = new TypeDigests(plan);
  const found = plan.functions.flatMap((entry) => (entry.kind === "lower" ? [entry] : []));
  const described: Record<string, Record<string, string>> = {};
  for (const { interface: from, name, type } of found.sort((a, b) =>
    compare(a.interface + a.name, b.interface + b.name),
  )) {
    const digest = digests.ofFunction(type);
    const functions = (described[from] ??= Object.create(null) as Record<string, string>);
    if (functions[name] !== undefined && functions[name] !== digest) throw new NotLean(`it has two types of ${name}`);
    functions[name] = digest;
  }
  return described;
}

/** Digests of types from the bottom up, so that parts which are shared are looked at once. */
class TypeDigests {
  readonly #plan: BindingPlan;
  readonly #known: string[] = [];

  constructor(plan: BindingPlan) {
    this.#plan = plan;
    for (const definition of plan.types) this.#known.push(digestOf(this.#describe(definition)));
  }

  /** The names of parameters are not part of a function's type here: no host sees them. */
  ofFunction({ params, result }: FunctionType): string {
    return digestOf(["func", params.map(({ type }) => this.#of(type)), this.#of(result)]);
  }

  #of(type: ValueType | undefined): string | null {
    if (type === undefined) return null;
    return typeof type === "string" ? type : this.#known[type]!;
  }

  #describe(definition: TypeDefinition): unknown {
    const { kind } = definition;
    switch (kind) {
      case "record":
        return [kind, definition.fields.map(({ name, type }) => [name, this.#of(type)])];
      case "variant":
        return [kind, definition.cases.map(({ name, type }) => [name, this.#of(type)])];
      case "tuple":
        return [kind, definition.types.map((type) => this.#of(type))];
      case "list":
      case "option":
        return [kind, this.#of(definition.type)];
      case "result":
        return [kind, this.#of(definition.ok), this.#of(definition.err)];
      case "own":
      case "borrow": {
        const { interface: from, name } = this.#plan.resources[definition.resource]!;
        return [kind, from, name];
      }
      default:
        return [kind, definition.names];
    }
  }
}

function digestOf(description: unknown): string {
  return createHash("sha256").update(JSON.stringify(description)).digest("hex").slice(0, DIGEST_DIGITS);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
