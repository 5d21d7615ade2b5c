import { WasmletError } from "../../common/errors.ts";
import { OFFERED_INTERFACES, SPIN_INTERFACES } from "../wasi/offered.ts";

/** What a component's world says: interface names with versions. */
export interface World {
  imports: string[];
  exports: string[];
}

/** `wasi:io/poll@0.2.6`: a stable version, not a pre-release. */
const VERSIONED_NAME = /^(?<name>[^@]+)@(?<minor>\d+\.\d+)\.\d+$/;
const IMPORT_LINE = /^\s+import ([^\s;{]+)/gm;
const EXPORT_LINE = /^\s+export ([^\s;{]+)/gm;

/** Reads the imports and exports of the root world from a component's WIT. */
export function readWorld(wit: string): World {
  const start = wit.indexOf("world root {");
  const world = start === -1 ? wit : wit.slice(start, wit.indexOf("\n}", start));
  const names = (pattern: RegExp): string[] => [...world.matchAll(pattern)].map(([, name]) => name!.replace(/:$/, ""));
  return { imports: names(IMPORT_LINE), exports: names(EXPORT_LINE) };
}

/** Throws ARTIFACT_IMPORT_NOT_OFFERED naming every import that Wasmlet does not offer, and what it does. */
export function checkOffered(imports: readonly string[]): void {
  const missing = imports.filter((name) => !isOffered(name));
  if (missing.length === 0) return;
  const offered = [...OFFERED_INTERFACES].flatMap(([minor, names]) => [...names].map((name) => `${name}@${minor}.x`));
  throw new WasmletError(
    "ARTIFACT_IMPORT_NOT_OFFERED",
    `imports ${missing.join(", ")}, which ${missing.length === 1 ? "is" : "are"} not offered; offered are ${offered.join(", ")}`,
    { expected: offered.join(", "), actual: missing.join(", ") },
  );
}

/** True when the host offers this interface: `wasi:io/poll@0.2.6` of any patch version, and to some apps Spin's. */
function isOffered(versioned: string): boolean {
  if (SPIN_INTERFACES.includes(versioned)) return true;
  const parsed = parseName(versioned);
  return parsed !== undefined && (OFFERED_INTERFACES.get(parsed.minor)?.has(parsed.name) ?? false);
}

/** Returns which triggers a component's exports can serve. */
export function triggersOf(exports: readonly string[]): ("http" | "command")[] {
  const triggers = new Set(exports.map((versioned) => TRIGGER_OF_EXPORT.get(unpatched(versioned))));
  return (["http", "command"] as const).filter((trigger) => triggers.has(trigger));
}

/** The newest WASI that a world shows, by its imports and exports. */
export function wasiOf({ imports, exports }: World): "0.2" | "0.3" | "none" {
  const minors = new Set(
    [...imports, ...exports].filter((name) => name.startsWith("wasi:")).map((name) => parseName(name)?.minor),
  );
  if (minors.has("0.3")) return "0.3";
  return minors.size > 0 ? "0.2" : "none";
}

/** Returns the versions `0.3.x` among names. */
export function p3VersionsOf(names: readonly string[]): string[] {
  const versions = names.filter((name) => parseName(name)?.minor === "0.3").map((name) => name.split("@")[1]!);
  return [...new Set(versions)];
}

const TRIGGER_OF_EXPORT: ReadonlyMap<string, "http" | "command"> = new Map([
  ["wasi:http/incoming-handler@0.2", "http"],
  ["wasi:http/handler@0.3", "http"],
  ["wasi:cli/run@0.2", "command"],
  ["wasi:cli/run@0.3", "command"],
]);

function unpatched(versioned: string): string {
  const parsed = parseName(versioned);
  return parsed === undefined ? versioned : `${parsed.name}@${parsed.minor}`;
}

function parseName(versioned: string): { name: string; minor: string } | undefined {
  return VERSIONED_NAME.exec(versioned)?.groups as { name: string; minor: string } | undefined;
}
