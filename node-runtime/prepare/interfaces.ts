import { WasmletError } from "../../common/errors.ts";
import { OFFERED_INTERFACES } from "../wasi/offered.ts";

/** What a component's world says: interface names with versions. */
export interface World {
  imports: string[];
  exports: string[];
}

const OFFERED_MAJOR_MINOR = "0.2";
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
  const offered = [...OFFERED_INTERFACES].sort().map((name) => `${name}@${OFFERED_MAJOR_MINOR}.x`);
  throw new WasmletError(
    "ARTIFACT_IMPORT_NOT_OFFERED",
    `imports ${missing.join(", ")}, which ${missing.length === 1 ? "is" : "are"} not offered; offered are ${offered.join(", ")}`,
    { expected: offered.join(", "), actual: missing.join(", ") },
  );
}

/** True when the host offers this interface: `wasi:io/poll@0.2.6` of any patch version. */
function isOffered(versioned: string): boolean {
  const [name, version] = versioned.split("@") as [string, string?];
  return OFFERED_INTERFACES.has(name) && (version?.startsWith(`${OFFERED_MAJOR_MINOR}.`) ?? false);
}

/** Returns which triggers a component's exports can serve. */
export function triggersOf(exports: readonly string[]): ("http" | "command")[] {
  const has = (name: string): boolean => exports.some((key) => key.startsWith(`${name}@${OFFERED_MAJOR_MINOR}.`));
  return [
    ...(has("wasi:http/incoming-handler") ? (["http"] as const) : []),
    ...(has("wasi:cli/run") ? (["command"] as const) : []),
  ];
}
