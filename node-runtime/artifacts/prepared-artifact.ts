import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WasmletError } from "../../common/errors.ts";
import { Type, type Static } from "../../common/schema.ts";

/** Changes whenever the preparer would leave other files for the same artifact: old ones are then prepared anew. */
export const PIPELINE_VERSION = "5";

/** The file that describes a prepared artifact, written last. */
export const PREPARED_MANIFEST_FILE = "prepared.json";

const FileName = Type.String({ pattern: "^[a-z0-9.-]{1,64}$" });

const CoreModule = Type.Object({
  /** The name by which the glue asks for it. */
  name: Type.String({ maxLength: 128 }),
  file: FileName,
  bytes: Type.Integer({ minimum: 8 }),
  /** Pages that its own memories have at the start, added up. */
  minMemoryPages: Type.Number({ minimum: 0 }),
  /** How many instances of it one instance of the artifact has, where that is not one. */
  instances: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
});

const PreparedArtifact = Type.Object({
  pipeline: Type.String({ maxLength: 16 }),
  /** sha256 of the artifact. */
  digest: Type.String({ pattern: "^sha256:[0-9a-f]{64}$" }),
  bytes: Type.Integer({ minimum: 8 }),
  kind: Type.Union([Type.Literal("component"), Type.Literal("core-module")]),
  /** Which WASI it is built against, as far as it shows. */
  wasi: Type.Union([Type.Literal("0.2"), Type.Literal("0.3"), Type.Literal("preview1"), Type.Literal("none")]),
  engine: Type.Union([Type.Literal("jco"), Type.Literal("core-module")]),
  imports: Type.Array(Type.String({ maxLength: 512 }), { maxItems: 4096 }),
  exports: Type.Array(Type.String({ maxLength: 512 }), { maxItems: 4096 }),
  /** The triggers that its exports can serve. */
  triggers: Type.Array(Type.Union([Type.Literal("http"), Type.Literal("command")]), { maxItems: 2 }),
  /** The WIT of a component's world, for people. */
  wit: Type.Optional(Type.String({ maxLength: 1_000_000 })),
  modules: Type.Array(CoreModule, { minItems: 1, maxItems: 64 }),
  glue: Type.Optional(Type.Object({ file: FileName, codeCache: FileName })),
});

/** What the preparer found in an artifact and left beside this description, as files of `directory`. */
export type PreparedArtifact = Static<typeof PreparedArtifact>;

/** Returns the value as a prepared artifact; throws ARTIFACT_CACHE_CORRUPT when it is not one. */
function checkPreparedArtifact(value: unknown, where: string): PreparedArtifact {
  const found = PreparedArtifact.mismatch(value);
  if (found === undefined) return value as PreparedArtifact;
  throw new WasmletError("ARTIFACT_CACHE_CORRUPT", "a prepared artifact's description is not valid", {
    where: `${where}${found.path}`,
    expected: found.expected,
  });
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

/** Returns the bytes of memory that the artifact asks for before its first instruction runs. */
export function initialMemoryBytes(artifact: PreparedArtifact): number {
  return (
    artifact.modules.reduce((sum, { minMemoryPages, instances = 1 }) => sum + minMemoryPages * instances, 0) * 65_536
  );
}
