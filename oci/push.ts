import { WasmletError } from "../common/errors.ts";
import { digestOf } from "./digest.ts";
import type { Descriptor } from "./manifest.ts";
import { OCI_MANIFEST, WASM_CONFIG, WASM_LAYER } from "./media-types.ts";
import { formatReference, type Reference } from "./reference.ts";
import type { RegistryClient } from "./registry/client.ts";
import type { UploadOutcome } from "./registry/upload.ts";

/** What a pushed program says about itself. */
export interface PushOptions {
  /** What the artifact says of when it was made. */
  created: Date;
  /** A component's imports and exports, as the specification wants them in the configuration. */
  component?: { imports: readonly string[]; exports: readonly string[] };
  /** The file's name, under which other tools save the layer. */
  title?: string;
  annotations?: Readonly<Record<string, string>>;
  /** Another repository of the registry, which may have the program already. */
  mountFrom?: string;
  signal?: AbortSignal;
  /** Called as the blobs go out: how many bytes of one are on their way; from the start again where it is tried again. */
  onProgress?: (descriptor: Descriptor, sent: number) => void;
}

/** What was pushed. */
export interface PushedArtifact {
  digest: string;
  /** How the program came to be there. */
  program: UploadOutcome;
}

/** An artifact as it will be pushed. */
export interface BuiltArtifact {
  manifest: Uint8Array;
  blobs: { descriptor: Descriptor; bytes: Uint8Array }[];
}

const PIECE_BYTES = 256 * 1024;

/** Bytes 4 to 7 of a binary: a component, or a core module. */
const COMPONENT_VERSION = Buffer.from([0x0d, 0x00, 0x01, 0x00]);
const MODULE_VERSION = Buffer.from([0x01, 0x00, 0x00, 0x00]);
const MAGIC = Buffer.from([0x00, 0x61, 0x73, 0x6d]);

/**
 * Builds the CNCF's artifact of a WebAssembly binary (https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/):
 * the program's blob, then its configuration's. Pure: the same input makes the same digest. Throws ARTIFACT_NOT_WASM.
 */
export function buildWasmArtifact(wasm: Uint8Array, options: PushOptions): BuiltArtifact {
  const { created, component, title, annotations = {} } = options;
  const isComponent = kindOf(wasm) === "component";
  const program: Descriptor = { mediaType: WASM_LAYER, digest: digestOf(wasm), size: wasm.length };
  if (title !== undefined) program.annotations = { "org.opencontainers.image.title": title };
  const configuration = Buffer.from(
    JSON.stringify({
      created: created.toISOString(),
      architecture: "wasm",
      os: isComponent ? "wasip2" : "wasip1",
      layerDigests: [program.digest],
      ...(isComponent && { component: component ?? { imports: [], exports: [] } }),
    }),
  );
  const config: Descriptor = { mediaType: WASM_CONFIG, digest: digestOf(configuration), size: configuration.length };
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers: [program],
    annotations: { "org.opencontainers.image.created": created.toISOString(), ...annotations },
  };
  return {
    manifest: Buffer.from(JSON.stringify(manifest)),
    blobs: [
      { descriptor: program, bytes: wasm },
      { descriptor: config, bytes: configuration },
    ],
  };
}

/** Pushes a WebAssembly binary under the reference's tag, the manifest last. Throws OCI_* errors and ARTIFACT_NOT_WASM. */
export async function pushWasm(
  client: RegistryClient,
  reference: Reference,
  wasm: Uint8Array,
  options: PushOptions,
): Promise<PushedArtifact> {
  if (reference.tag === undefined) {
    throw new WasmletError("OCI_REFERENCE_INVALID", "an artifact is pushed under a tag: its digest follows from it", {
      expected: `${reference.registry}/${reference.repository}:TAG`,
      actual: formatReference(reference),
    });
  }
  const { manifest, blobs } = buildWasmArtifact(wasm, options);
  const { mountFrom, signal, onProgress } = options;
  const outcomes = await Promise.all(
    blobs.map(({ descriptor, bytes }, index) =>
      // Only the program may be elsewhere already.
      client.upload(
        reference,
        { ...descriptor, bytes: onProgress === undefined ? bytes : () => counted(descriptor, bytes, onProgress) },
        index === 0 ? mountFrom : undefined,
        signal,
      ),
    ),
  );
  const digest = await client.putManifest(reference, OCI_MANIFEST, manifest, signal);
  return { digest, program: outcomes[0] ?? "uploaded" };
}

/** Yields the bytes in pieces and tells of each once the next one is asked for. */
async function* counted(
  descriptor: Descriptor,
  bytes: Uint8Array,
  onProgress: NonNullable<PushOptions["onProgress"]>,
): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < bytes.length;) {
    const piece = bytes.subarray(sent, sent + PIECE_BYTES);
    yield await Promise.resolve(piece);
    sent += piece.length;
    onProgress(descriptor, sent);
  }
}

function kindOf(wasm: Uint8Array): "component" | "module" {
  const version = wasm.subarray(4, 8);
  if (Buffer.compare(wasm.subarray(0, 4), MAGIC) === 0) {
    if (Buffer.compare(version, COMPONENT_VERSION) === 0) return "component";
    if (Buffer.compare(version, MODULE_VERSION) === 0) return "module";
  }
  throw new WasmletError("ARTIFACT_NOT_WASM", "what is to be pushed is no WebAssembly", {
    expected: "a component or a core module",
    actual: `${wasm.length} bytes that begin with ${Buffer.from(wasm.subarray(0, 8)).toString("hex")}`,
  });
}
