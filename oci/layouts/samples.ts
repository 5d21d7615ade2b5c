import { gzipSync, zstdCompressSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { buffer } from "node:stream/consumers";
import { digestOf } from "../digest.ts";
import type { Descriptor, ImageManifest } from "../manifest.ts";
import { EMPTY_CONFIG, IMAGE_CONFIG, OCI_MANIFEST, SPIN_LOCK, WASM_CONFIG, WASM_LAYER } from "../media-types.ts";
import type { OpenBlob } from "./image-file.ts";

/*
 * Small artifacts of every layout, for tests: a manifest, its configuration and its blobs.
 */

/** An empty core module, and an empty component. */
export const MODULE = Buffer.from("0061736d01000000", "hex");
export const COMPONENT = Buffer.from("0061736d0d000100", "hex");

/** An artifact with the blobs that it refers to. */
export interface Sample {
  manifest: ImageManifest;
  config: Buffer;
  blobs: Map<string, Buffer>;
  open: OpenBlob;
}

/** A layer to be: its media type and its bytes. */
export type SampleLayer = [mediaType: string, bytes: Buffer];

/** Builds an artifact of a configuration and layers. */
export function sample(configType: string, config: unknown, layers: readonly SampleLayer[], annotations = {}): Sample {
  const configBytes = Buffer.isBuffer(config) ? config : Buffer.from(JSON.stringify(config));
  const blobs = new Map<string, Buffer>();
  const describe = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(configType, configBytes),
    layers: layers.map(([mediaType, bytes]) => describe(mediaType, bytes)),
    annotations,
  };
  const open: OpenBlob = async ({ digest }) => {
    const bytes = blobs.get(digest);
    if (bytes === undefined) throw new Error(`the sample has no blob ${digest}`);
    return Promise.resolve(chunksOf(bytes));
  };
  return { manifest, config: configBytes, blobs, open };
}

/** The CNCF's artifact. */
export function cncfSample(wasm: Buffer = COMPONENT, config: object = {}): Sample {
  const layerDigests = [digestOf(wasm)];
  return sample(WASM_CONFIG, { architecture: "wasm", os: "wasip2", layerDigests, ...config }, [[WASM_LAYER, wasm]]);
}

/** An artifact whose configuration says nothing, as `oras push` makes it. */
export function plainSample(layers: readonly SampleLayer[]): Sample {
  return sample(EMPTY_CONFIG, {}, layers);
}

/** What an image's configuration may say here. */
export interface SampleImage {
  os?: string;
  architecture?: string;
  config?: { Entrypoint?: string[]; Cmd?: string[]; Env?: string[]; WorkingDir?: string };
  annotations?: Record<string, string>;
  diffIds?: string[];
}

/** A container image; each layer is a tar archive, compressed as its media type says. */
export function imageSample(layers: readonly SampleLayer[], image: SampleImage = {}): Sample {
  const { annotations, diffIds = layers.map(([, archive]) => digestOf(archive)), ...config } = image;
  return sample(
    IMAGE_CONFIG,
    { os: "wasi", architecture: "wasm", ...config, rootfs: { type: "layers", diff_ids: diffIds } },
    layers.map(([mediaType, archive]) => [mediaType, compress(mediaType, archive)]),
    annotations,
  );
}

/** A Spin application of one component with two files, one of them in the lock file itself. */
export function spinSample(
  change: (lock: SpinLockJson) => unknown = () => {},
  extra: readonly SampleLayer[] = [],
): Sample {
  const page = Buffer.from("<h1>hello</h1>");
  const lock: SpinLockJson = {
    spin_lock_version: 1,
    metadata: { name: "hello", trigger: { base: "/" } },
    variables: { greeting: { default: "hi" }, token: { secret: true } },
    triggers: [{ id: "t", trigger_type: "http", trigger_config: { component: "web", route: "/..." } }],
    components: [
      {
        id: "web",
        metadata: { allowed_outbound_hosts: ["https://api.example.com"] },
        source: { content_type: "application/wasm", digest: digestOf(COMPONENT) },
        env: { MODE: "production" },
        config: { greeting: "{{ greeting }} there" },
        files: [
          { path: "static/index.html", digest: digestOf(page) },
          { path: "static/a.txt", inline: Buffer.from("a").toString("base64"), digest: digestOf(Buffer.from("a")) },
        ],
      },
    ],
  };
  change(lock);
  return sample(IMAGE_CONFIG, { os: "Wasip1", architecture: "wasm" }, [
    ["application/vnd.wasm.content.layer.v1+wasm", COMPONENT],
    ["application/vnd.wasm.content.layer.v1+data", page],
    ...extra,
    [SPIN_LOCK, Buffer.from(JSON.stringify(lock))],
  ]);
}

/** A lock file as loosely as a test changes it. */
export interface SpinLockJson {
  [field: string]: unknown;
  triggers: Record<string, unknown>[];
  components: Record<string, unknown>[];
}

type SampleHeader = Partial<Header> & Pick<Header, "name">;

/** Returns a tar archive of these entries; those without bytes are of the type that their header says. */
export async function tarOf(
  ...entries: readonly [header: string | SampleHeader, bytes?: Buffer | string][]
): Promise<Buffer> {
  const archive = pack();
  for (const [header, bytes] of entries) {
    const full: SampleHeader = typeof header === "string" ? { name: header } : header;
    archive.entry({ mtime: new Date(0), ...full }, Buffer.from(bytes ?? ""));
  }
  archive.finalize();
  return buffer(archive);
}

function compress(mediaType: string, bytes: Buffer): Buffer {
  if (mediaType.endsWith("gzip")) return gzipSync(bytes);
  return mediaType.endsWith("zstd") ? zstdCompressSync(bytes) : bytes;
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += 1000)
    yield await Promise.resolve(bytes.subarray(offset, offset + 1000));
}
