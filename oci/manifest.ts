import * as v from "valibot";
import { WasmletError } from "../common/errors.ts";
import { isDigest } from "./digest.ts";
import { essenceOf, INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";

/** The largest manifest that is read: what registries commonly accept. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** Spin goes up to 500. */
const MAX_LAYERS = 512;
const MAX_PLATFORMS = 512;
const MAX_SIZE = Number.MAX_SAFE_INTEGER;

const MediaType = v.pipe(v.string(), v.maxLength(255), v.regex(/^[\w.+-]+\/[\w.+-]+(?:\s*;.*)?$/));
const Annotations = absentIfNull(v.record(v.string(), v.string()));
const Descriptor = v.object({
  mediaType: MediaType,
  digest: v.pipe(
    v.string(),
    v.check((text) => isDigest(text), "a digest: sha256: and 64 lower-case digits"),
  ),
  size: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_SIZE)),
  annotations: Annotations,
  artifactType: v.optional(MediaType),
});
const Platform = v.object({
  os: v.pipe(v.string(), v.maxLength(64)),
  architecture: v.pipe(v.string(), v.maxLength(64)),
  variant: v.optional(v.pipe(v.string(), v.maxLength(64))),
});
const ImageManifest = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(MediaType),
  artifactType: v.optional(MediaType),
  config: Descriptor,
  layers: v.nullish(v.pipe(v.array(Descriptor), v.maxLength(MAX_LAYERS)), []),
  annotations: Annotations,
});
const ImageIndex = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(MediaType),
  artifactType: v.optional(MediaType),
  manifests: v.pipe(
    v.array(v.object({ ...Descriptor.entries, platform: absentIfNull(Platform) })),
    v.maxLength(MAX_PLATFORMS),
  ),
  annotations: Annotations,
});

/** Names bytes by what they are, their digest and their size in bytes (image-spec, descriptor.md). */
export type Descriptor = v.InferOutput<typeof Descriptor>;

/** One artifact: a configuration and layers (image-spec, manifest.md). */
export type ImageManifest = v.InferOutput<typeof ImageManifest>;

/** Manifests for several platforms (image-spec, image-index.md). */
export type ImageIndex = v.InferOutput<typeof ImageIndex>;

/** What a reference leads to. */
export type Manifest = { kind: "manifest"; manifest: ImageManifest } | { kind: "index"; index: ImageIndex };

/**
 * Reads a manifest or an index that came as `contentType`, which a stored one lacks. Throws OCI_MANIFEST_INVALID, also when the bytes could be taken
 * for both or say of themselves that they are another thing: one digest must mean one artifact to everybody.
 */
export function readManifest(bytes: Uint8Array, contentType: string | undefined, where: string): Manifest {
  const invalid = (message: string, expected: string, actual?: string): WasmletError =>
    new WasmletError("OCI_MANIFEST_INVALID", message, { where, expected, ...(actual !== undefined && { actual }) });
  const value = parseJson(bytes, () => invalid("the manifest is not valid", "JSON in UTF-8"));
  const { mediaType, schemaVersion } = value as { mediaType?: unknown; schemaVersion?: unknown };
  if (schemaVersion === 1) {
    throw invalid("the manifest is of docker's first version", `a manifest such as ${OCI_MANIFEST}`, "schemaVersion 1");
  }
  const said = typeof mediaType === "string" ? essenceOf(mediaType) : undefined;
  const sent = contentType === undefined ? undefined : essenceOf(contentType);
  if (isKnown(sent) && said !== undefined && said !== sent) {
    throw invalid("the manifest is sent as one thing and says that it is another", said, sent);
  }
  const type = isKnown(sent) ? sent : (said ?? (sent === undefined ? typeByShape(value) : undefined));
  if (type === undefined || !isKnown(type)) {
    throw invalid(
      "this is no manifest of an artifact",
      `a manifest such as ${OCI_MANIFEST}`,
      type ?? sent ?? "no type",
    );
  }
  const isIndex = INDEX_TYPES.has(type);
  const foreign = isIndex ? ["config", "layers", "fsLayers"] : ["manifests", "fsLayers"];
  const odd = foreign.find((field) => Object.hasOwn(value, field));
  if (odd !== undefined) {
    throw invalid("the manifest can be taken for two different things", `${type} without ${odd}`, `a field ${odd}`);
  }
  return isIndex
    ? { kind: "index", index: check(ImageIndex, value, invalid) }
    : { kind: "manifest", manifest: check(ImageManifest, value, invalid) };
}

/** The specification lets a manifest say nothing of its type; one from the store comes without a header too. */
function typeByShape(value: object): string | undefined {
  if (Object.hasOwn(value, "manifests")) return OCI_INDEX;
  return Object.hasOwn(value, "config") ? OCI_MANIFEST : undefined;
}

/** Some tools write null for what is not there. */
function absentIfNull<Schema extends v.GenericSchema>(
  schema: Schema,
): v.OptionalSchema<v.GenericSchema<unknown, v.InferOutput<Schema> | undefined>, undefined> {
  return v.optional(
    v.pipe(
      v.nullable(schema),
      v.transform((value) => value ?? undefined),
    ),
  );
}

function isKnown(type: string | undefined): boolean {
  return type !== undefined && (MANIFEST_TYPES.has(type) || INDEX_TYPES.has(type));
}

/** Parses JSON in UTF-8 that must be an object; throws what `invalid` says. */
export function parseJson(bytes: Uint8Array, invalid: () => WasmletError): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid();
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid();
  return value;
}

function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  invalid: (message: string, expected: string, actual?: string) => WasmletError,
): v.InferOutput<Schema> {
  const { success, output, issues } = v.safeParse(schema, value, { abortEarly: true });
  if (success) return output;
  const [{ expected, message, received }] = issues;
  const path = v.getDotPath(issues[0]) ?? "the whole";
  throw invalid(`the manifest is not valid at ${path}`, expected ?? message, received.slice(0, 200));
}
