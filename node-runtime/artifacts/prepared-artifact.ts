import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { WasmletError } from "../../common/errors.ts";
import * as v from "valibot";
import { finite, integer, listOf, text } from "../../common/shapes.ts";

/** Changes whenever the preparer would leave other files for the same artifact: old ones are then prepared anew. */
export const PIPELINE_VERSION = "17";

/** The file that describes a prepared artifact, written last. */
export const PREPARED_MANIFEST_FILE = "prepared.json";

const FileName = v.pipe(v.string(), v.regex(/^[a-z0-9.-]{1,64}$/));

/** What the rewriting of a core module left for its engine to provide and to reset (prepare/rewrite). */
const Rewriting = v.object({
  /** Its memory, which it imports as ("wasmlet", "memory"). */
  memory: v.optional(v.object({ minPages: integer(0, 65_536), maxPages: integer(0, 65_536) })),
  /** Whether it imports ("wasmlet", "epoch"). */
  epoch: v.boolean(),
  /** Export of the global that holds the address of its epoch word, where that is not the first. */
  epochAddress: v.optional(text(64)),
  /** Export of the global for the function that its checks call, where they do not trap by themselves. */
  pause: v.optional(text(64)),
  /** Whether it imports ("wasmlet", "writes"). */
  writes: v.boolean(),
  /** Whether the size of its memory is among the globals. */
  sizeIsLogical: v.boolean(),
  /** Exports of its changing globals and tables. */
  globals: listOf(text(64), 1024),
  tables: listOf(text(64), 1024),
  /** Whether memory, globals and tables are all the state that its instance has. */
  resettable: v.boolean(),
});

/** How a core module was rewritten. */
export type Rewriting = v.InferOutput<typeof Rewriting>;

const CoreModule = v.object({
  /** The name by which the glue asks for it, or `core-<index>` as the plan counts. */
  name: text(128),
  file: FileName,
  /** The file's size: what has another one is damaged. */
  bytes: integer(8),
  /** Pages that its own memories have at the start, added up. */
  minMemoryPages: finite(0),
  /** How many instances of it one instance of the artifact has, where that is not one. */
  instances: v.optional(integer(1, 1_000_000)),
  rewriting: v.optional(Rewriting),
  /** The module rewritten so that it marks what it writes to its memory, where that was possible. */
  tracked: v.optional(v.object({ file: FileName, bytes: integer(8), rewriting: Rewriting })),
});

const PreparedArtifact = v.object({
  pipeline: text(16),
  /** sha256 of the artifact. */
  digest: v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/)),
  bytes: integer(8),
  kind: v.picklist(["component", "core-module"]),
  /** Which WASI it is built against, as far as it shows. */
  wasi: v.picklist(["0.2", "0.3", "preview1", "none"]),
  engine: v.picklist(["lean", "jco", "core-module"]),
  /** Why a component is not bound by the lean engine. */
  engineReason: v.optional(text(512)),
  imports: listOf(text(512), 4096),
  exports: listOf(text(512), 4096),
  /** Its imports that only components of Spin applications are offered, where it has some. */
  spinImports: v.optional(listOf(text(512), 16)),
  /** The triggers that its exports can serve. */
  triggers: listOf(v.picklist(["http", "command"]), 2),
  /** The WIT of a component's world, for people. */
  wit: v.optional(text(1_000_000)),
  modules: listOf(CoreModule, 64, 1),
  /** SHA-256 of each of its files. */
  files: v.record(FileName, v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  /** The lean engine's plan (see binding-plan.ts). */
  binding: v.optional(v.object({ file: FileName })),
  /** The jco engine's code. */
  glue: v.optional(v.object({ file: FileName, codeCache: FileName })),
});

/** What the preparer found in an artifact and left beside this description, as files of `directory`. */
export type PreparedArtifact = v.InferOutput<typeof PreparedArtifact>;

/**
 * Throws ARTIFACT_NOT_OFFERED for an artifact that can be compiled and not described: it has no code, or more of something
 * than there may be.
 */
export function checkDescribable(artifact: PreparedArtifact): void {
  const { success, issues } = v.safeParse(PreparedArtifact, artifact, { abortEarly: true });
  if (success) return;
  const { where, expected, actual } = mismatchOf(issues[0]);
  throw new WasmletError("ARTIFACT_NOT_OFFERED", `the artifact's ${where} are more, or fewer, than are offered`, {
    expected,
    actual,
  });
}

/** Returns the value as a prepared artifact; throws ARTIFACT_CACHE_CORRUPT when it is not one. */
function checkPreparedArtifact(value: unknown, file: string): PreparedArtifact {
  const { success, output, issues } = v.safeParse(PreparedArtifact, value, { abortEarly: true });
  if (success) return output;
  const { where, expected, actual } = mismatchOf(issues[0]);
  throw new WasmletError("ARTIFACT_CACHE_CORRUPT", "a prepared artifact's description is not valid", {
    where: `${file}: ${where}`,
    expected,
    actual,
  });
}

function mismatchOf(issue: v.BaseIssue<unknown>): { where: string; expected: string; actual: string } {
  return {
    where: v.getDotPath(issue) ?? "the whole",
    expected: issue.expected ?? issue.message,
    actual: issue.received,
  };
}

/** Reads a prepared artifact's description; throws ARTIFACT_CACHE_CORRUPT when it is missing or not valid. */
export function readPreparedArtifact(directory: string): PreparedArtifact {
  const file = join(directory, PREPARED_MANIFEST_FILE);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new WasmletError("ARTIFACT_CACHE_CORRUPT", "a prepared artifact's description cannot be read", {
      where: file,
      cause,
    });
  }
  return checkPreparedArtifact(value, file);
}

/** Returns the SHA-256 of each file of a prepared artifact, of its description not. */
export function hashFiles(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => name !== PREPARED_MANIFEST_FILE);
  const hashOf = (name: string): string =>
    createHash("sha256")
      .update(readFileSync(join(directory, name)))
      .digest("hex");
  return Object.fromEntries(names.map((name) => [name, hashOf(name)]));
}

/** Returns whether all of its code has the checks that stop a guest; what has none goes on until its process ends. */
export function isStoppable({ modules }: PreparedArtifact): boolean {
  return modules.every(({ rewriting }) => rewriting !== undefined);
}

/** Returns the bytes of memory that the artifact asks for before its first instruction runs. */
export function initialMemoryBytes(artifact: PreparedArtifact): number {
  return (
    artifact.modules.reduce((sum, { minMemoryPages, instances = 1 }) => sum + minMemoryPages * instances, 0) * 65_536
  );
}
