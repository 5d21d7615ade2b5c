import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeImageArchive } from "./archive.ts";
import { buildLayer, type Layer } from "./layers.ts";
import { setModes } from "./modes.ts";
import { OWN_PLATFORM, PLATFORMS } from "./platform.ts";
import { planLayers } from "./root.ts";

/** The repository. */
const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));

/** Keeps layers and what was fetched for them. */
const CACHE = join(REPOSITORY, ".cache/image");

const PROBE_DESCRIPTION = "Wasmlet with QEMU and a kernel: compares how long Wasm and virtual machines take to start";

/** A built image. */
export interface BuiltImage {
  name: string;
  platform: string;
  file: string;
  /** Of the manifest. */
  digest: string;
  /** Bytes that a node pulls. */
  compressedBytes: number;
  layers: Layer[];
}

/** What to build. */
export interface BuildOptions {
  name?: string;
  platform?: string;
  file?: string;
  cacheFolder?: string;
  /** Whether virtual machines are to be started from it: it is that of the pods that compare starts. */
  withQemu?: boolean;
}

/** Returns the name that the chart's default values make. */
export async function defaultName(withQemu: boolean): Promise<string> {
  return `ghcr.io/wasmlet/${titleOf(withQemu)}:${(await readPackage()).version}`;
}

/** Builds the image and writes it as an OCI archive; layers that did not change come from the cache. */
export async function buildImage(options: BuildOptions = {}): Promise<BuiltImage> {
  const { platform = OWN_PLATFORM, cacheFolder = CACHE, withQemu = false } = options;
  const { name = await defaultName(withQemu) } = options;
  const known = PLATFORMS[platform];
  if (known === undefined) throw new RangeError(`expected one of ${Object.keys(PLATFORMS).join(", ")}: ${platform}`);
  const file = options.file ?? join(cacheFolder, `${titleOf(withQemu)}-${known.architecture}.tar`);
  const layers: Layer[] = [];
  for (const source of await planLayers({ repository: REPOSITORY, platform: known, cacheFolder, withQemu })) {
    layers.push(await buildLayer(source, cacheFolder));
  }
  const labels = await imageLabels(withQemu);
  await mkdir(dirname(file), { recursive: true });
  const { digest } = await writeImageArchive({ name, architecture: known.architecture, layers, labels }, file);
  const compressedBytes = layers.reduce((sum, { size }) => sum + size, 0);
  return { name, platform, file, digest, compressedBytes, layers };
}

/** Fills a folder for each layer below `folder`: what the Containerfile copies. */
export async function fillFolders(folder: string, platform: string, withQemu: boolean): Promise<void> {
  const known = PLATFORMS[platform];
  if (known === undefined) throw new RangeError(`expected one of ${Object.keys(PLATFORMS).join(", ")}: ${platform}`);
  const layers = await planLayers({ repository: REPOSITORY, platform: known, cacheFolder: CACHE, withQemu });
  for (const { name, fill } of layers) {
    await mkdir(join(folder, name), { recursive: true });
    await fill(join(folder, name));
    await setModes(join(folder, name));
  }
}

interface Package {
  version: string;
  description: string;
  license: string;
}

/** Returns the labels of an image: https://github.com/opencontainers/image-spec/blob/main/annotations.md */
export async function imageLabels(withQemu: boolean): Promise<Record<string, string>> {
  const { version, description, license } = await readPackage();
  return {
    "org.opencontainers.image.title": titleOf(withQemu),
    "org.opencontainers.image.description": withQemu ? PROBE_DESCRIPTION : description,
    "org.opencontainers.image.licenses": license,
    "org.opencontainers.image.source": "https://github.com/wasmlet/wasmlet",
    "org.opencontainers.image.version": version,
  };
}

function titleOf(withQemu: boolean): string {
  return withQemu ? "wasmlet-startup-probe" : "wasmlet";
}

async function readPackage(): Promise<Package> {
  return JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as Package;
}
