import { readdirSync, readFileSync, readlinkSync, statSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pack, type Header, type Pack } from "tar-stream";
import { digestOf } from "./digest.ts";
import type { Descriptor } from "./manifest.ts";
import { IMAGE_CONFIG, OCI_MANIFEST } from "./media-types.ts";

/*
 * Container images without a registry or a container engine: an archive in the OCI's image layout, as `ctr images import` and
 * `docker load` read it. The same files make the same bytes.
 *
 *   oci-layout   index.json (names the image)   blobs/sha256/…: manifest, configuration, layers
 *
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */

const LAYER = "application/vnd.oci.image.layer.v1.tar";
const INDEX = "application/vnd.oci.image.index.v1+json";
/** By which containerd names what it imports. */
const NAME_ANNOTATION = "io.containerd.image.name";
const EPOCH = new Date(0);

/** What an image runs: the fields of its configuration, as `docker inspect` shows them. */
interface ImageRun {
  Entrypoint?: readonly string[];
  Cmd?: readonly string[];
  Env?: readonly string[];
  WorkingDir?: string;
  User?: string;
  ExposedPorts?: Readonly<Record<string, object>>;
  Labels?: Readonly<Record<string, string>>;
}

/** A file of a layer, by its path in the image. */
type LayerFile =
  /** Bytes; executable where the mode says so. */
  | { bytes: Uint8Array | string; mode?: number }
  /** A file or a whole folder of this machine; `include` leaves out what it is false for, by the path from the folder. */
  | { from: string; include?: (path: string) => boolean }
  | { link: string };

/** A layer: files by their paths in the image. */
export type Layer = Readonly<Record<string, LayerFile>>;

/** What an image is made of. */
export interface ImageTarOptions {
  /** As pods name it, with a registry: `localhost/pause:1`. */
  name: string;
  layers: readonly Layer[];
  config: ImageRun;
  /** This machine's unless given. */
  platform?: { os: string; architecture: string };
  annotations?: Readonly<Record<string, string>>;
}

/** Returns an image as a tar archive of an OCI layout. Deterministic: times are 0, owners root, entries in order of their paths. */
export async function buildImageTar(options: ImageTarOptions): Promise<Buffer> {
  const { name, layers, config, platform = thisPlatform(), annotations } = options;
  const blobs = new Map<string, Uint8Array>();
  const describe = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const archives = await Promise.all(layers.map(layerTar));
  const diffIds = archives.map((archive) => digestOf(archive));
  const configuration = {
    ...platform,
    created: EPOCH.toISOString(),
    config,
    rootfs: { type: "layers", diff_ids: diffIds },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(IMAGE_CONFIG, json(configuration)),
    layers: archives.map((archive) => describe(LAYER, archive)),
    ...(annotations !== undefined && { annotations }),
  };
  const described = { ...describe(OCI_MANIFEST, json(manifest)), platform, annotations: { [NAME_ANNOTATION]: name } };
  const archive = pack();
  add(archive, "oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  add(archive, "index.json", json({ schemaVersion: 2, mediaType: INDEX, manifests: [described] }));
  for (const [digest, bytes] of blobs) add(archive, `blobs/${digest.replace(":", "/")}`, bytes);
  archive.finalize();
  return buffer(archive);
}

/** Returns a layer as a tar archive. */
export function layerTar(layer: Layer): Promise<Buffer> {
  const archive = pack();
  const folders = new Set<string>();
  for (const [path, file] of Object.entries(layer).toSorted(byPath)) {
    for (const [inner, entry] of expand(path.replace(/^\//, ""), file)) {
      addFolders(archive, inner, folders);
      if ("link" in entry) archive.entry({ ...header(inner), type: "symlink", linkname: entry.link });
      else add(archive, inner, Buffer.from(entry.bytes), entry.mode);
    }
  }
  archive.finalize();
  return buffer(archive);
}

type PlainFile = Extract<LayerFile, { bytes: unknown } | { link: unknown }>;

/** Yields the files of a folder of this machine, or the one file that it is. */
function* expand(path: string, file: LayerFile): Generator<[path: string, file: PlainFile]> {
  if (!("from" in file)) yield [path, file];
  else yield* read(path, file.from, "", file.include ?? (() => true));
}

/** `inner` is the path from the folder that is named, and empty for that one itself. */
function* read(
  path: string,
  from: string,
  inner: string,
  include: (path: string) => boolean,
): Generator<[path: string, file: PlainFile]> {
  // What is named itself may be a link to what is meant.
  const stat = inner === "" ? statSync(from) : lstatSync(from);
  if (inner !== "" && !include(inner)) return;
  if (stat.isSymbolicLink()) yield [path, { link: readlinkSync(from) }];
  else if (!stat.isDirectory()) yield [path, { bytes: readFileSync(from), mode: modeOf(stat.mode) }];
  else {
    for (const name of readdirSync(from).toSorted()) {
      yield* read(`${path}/${name}`, join(from, name), inner === "" ? name : `${inner}/${name}`, include);
    }
  }
}

/** A checkout's modes depend on the user's umask; an image's must not. */
function modeOf(mode: number): number {
  return (mode & 0o100) === 0 ? 0o644 : 0o755;
}

function addFolders(archive: Pack, path: string, known: Set<string>): void {
  const parts = path.split("/").slice(0, -1);
  for (const index of parts.keys()) {
    const folder = parts.slice(0, index + 1).join("/");
    if (known.has(folder)) continue;
    known.add(folder);
    archive.entry({ ...header(`${folder}/`), type: "directory", mode: 0o755 });
  }
}

function add(archive: Pack, path: string, bytes: Uint8Array, mode = 0o644): void {
  archive.entry({ ...header(path), mode }, Buffer.from(bytes));
}

function header(name: string): Pick<Header, "name"> & Partial<Header> {
  return { name, mtime: EPOCH, uid: 0, gid: 0 };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function byPath([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function thisPlatform(): { os: string; architecture: string } {
  return { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
}
