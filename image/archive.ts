import { createReadStream, createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";
import { digestOf } from "../oci/digest.ts";
import type { Descriptor } from "../oci/manifest.ts";
import { IMAGE_CONFIG, OCI_INDEX, OCI_MANIFEST } from "../oci/media-types.ts";
import { APP_FOLDER, CACHE_FOLDER, NODE, USER_ID } from "./contents.ts";
import type { Layer } from "./layers.ts";

/*
 * An image as a tar archive of an OCI layout, as `ctr images import`, `podman load` and `docker load` read it.
 *
 *   oci-layout   index.json (names the image)   blobs/sha256/…: manifest, configuration, layers
 *
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */

const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const EPOCH = new Date(0);

/** One image of an archive. */
export interface Image {
  /** As pods name it: `ghcr.io/wasmlet/wasmlet:0.1.0`. */
  name: string;
  architecture: string;
  layers: readonly Layer[];
  labels: Readonly<Record<string, string>>;
}

/** How the image runs; the Containerfile says the same, which a test compares. */
export const RUN_CONFIG = {
  Entrypoint: [NODE, `${APP_FOLDER}/cli/wasmlet.mjs`],
  Env: [`WASMLET_CACHE=${CACHE_FOLDER}`, "HOME=/tmp", "NODE_ENV=production", "PATH=/usr/bin"],
  User: `${USER_ID}:${USER_ID}`,
  WorkingDir: "/",
} as const;

/** Writes an image to `file` and returns the descriptor of its manifest. The same layers make the same bytes. */
export async function writeImageArchive(image: Image, file: string): Promise<Descriptor> {
  const blobs = new Map<string, Buffer>();
  const describe = (mediaType: string, content: unknown): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(content));
    blobs.set(digestOf(bytes), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const platform = { os: "linux", architecture: image.architecture };
  const manifest = describe(OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(IMAGE_CONFIG, {
      ...platform,
      created: EPOCH.toISOString(),
      config: { ...RUN_CONFIG, Labels: image.labels },
      rootfs: { type: "layers", diff_ids: image.layers.map(({ diffId }) => diffId) },
    }),
    layers: image.layers.map(({ digest, size }) => ({ mediaType: LAYER, digest, size })),
  });
  const annotations = {
    "io.containerd.image.name": image.name,
    "org.opencontainers.image.ref.name": image.name.slice(image.name.lastIndexOf(":") + 1),
  };
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...manifest, platform, annotations }] };
  const archive = pack();
  // Beside its place, then renamed: a build that is cut off leaves no half image, and two builds do not meet.
  const partial = `${file}.${process.pid}.tmp`;
  const written = pipeline(archive, createWriteStream(partial));
  addBytes(archive, "oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  addBytes(archive, "index.json", Buffer.from(JSON.stringify(index)));
  for (const [digest, bytes] of blobs) addBytes(archive, blobPath(digest), bytes);
  for (const { digest, size, file: layer } of image.layers) {
    const entry = archive.entry({ name: blobPath(digest), size, mtime: EPOCH });
    await pipeline(createReadStream(layer), entry);
  }
  archive.finalize();
  await written;
  await rename(partial, file);
  return manifest;
}

function addBytes(archive: Pack, name: string, bytes: Buffer): void {
  archive.entry({ name, mtime: EPOCH }, bytes);
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}
