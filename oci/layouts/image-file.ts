import { WasmletError } from "../../common/errors.ts";
import type { Descriptor } from "../manifest.ts";
import { ARCHIVE_LAYERS, essenceOf } from "../media-types.ts";
import { readArchive, type ArchiveEntry, type UnpackBudget } from "./archive.ts";
import type { Layout } from "./layout.ts";
import { foldersOf } from "./paths.ts";

/** Opens a blob that was verified. */
export type OpenBlob = (descriptor: Descriptor) => Promise<AsyncIterable<Uint8Array>>;

/** A whiteout says that an entry of the layers below is not there; the opaque one, that none of a folder is (layer.md). */
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** A file of an image. */
export interface ImageFile {
  path: string;
  bytes: Uint8Array;
}

/**
 * Finds the entrypoint of an image, or its only `.wasm` file where it names none, in its layers: the uppermost counts.
 * Throws OCI_LAYOUT_UNKNOWN where it is not there, OCI_ARCHIVE_UNSAFE where it is behind a link, and what unpacking throws.
 */
export async function readImageFile(
  { layers, config, entrypoint }: Extract<Layout, { kind: "image" }>,
  open: OpenBlob,
  budget: UnpackBudget,
  where: string,
): Promise<ImageFile> {
  const found = new Map<string, Uint8Array>();
  const hidden = new Hidden();
  for (const [index, layer] of [...layers.entries()].toReversed()) {
    const compression = ARCHIVE_LAYERS.get(essenceOf(layer.mediaType)) ?? "none";
    const below = new Hidden(hidden);
    const archive = {
      bytes: await open(layer),
      compression,
      digest: config.diffIds[index],
      where: `${where}: ${layer.digest}`,
    };
    const files = await readArchive(archive, budget, (entry) => {
      below.note(entry.path);
      return !hidden.has(entry.path) && !found.has(entry.path) && isWanted(entry, entrypoint, archive.where);
    });
    for (const [path, bytes] of files) found.set(path, bytes);
    hidden.take(below);
    if (entrypoint !== undefined && found.has(entrypoint)) break;
  }
  const [first, second] = found;
  if (first !== undefined && second === undefined) return { path: first[0], bytes: first[1] };
  throw new WasmletError("OCI_LAYOUT_UNKNOWN", "the image's program cannot be found", {
    where,
    expected: entrypoint === undefined ? "exactly one .wasm file, or an entrypoint" : `the file ${entrypoint}`,
    actual: [...found.keys()].slice(0, 10).join(", ") || "no such file in its layers",
  });
}

function isWanted({ path, type }: ArchiveEntry, entrypoint: string | undefined, where: string): boolean {
  if (entrypoint === undefined) return type === "file" && path.endsWith(".wasm");
  const isOnTheWay = path === entrypoint || foldersOf(entrypoint).includes(path);
  if (isOnTheWay && type === "link") {
    throw new WasmletError("OCI_ARCHIVE_UNSAFE", "the image's program is behind a link", {
      where,
      expected: `${entrypoint} as a plain file`,
      actual: `a link at ${path}`,
    });
  }
  return type === "file" && path === entrypoint;
}

/** Paths that a layer hides from those below it. */
class Hidden {
  readonly #paths: Set<string>;

  constructor(above?: Hidden) {
    this.#paths = new Set(above === undefined ? [] : above.#paths);
  }

  /** Takes in what an entry hides, if anything. */
  note(path: string): void {
    const slash = path.lastIndexOf("/");
    const folder = path.slice(0, slash + 1);
    const name = path.slice(slash + 1);
    if (name === OPAQUE) this.#paths.add(folder);
    else if (name.startsWith(WHITEOUT)) this.#paths.add(folder + name.slice(WHITEOUT.length));
  }

  has(path: string): boolean {
    // An opaque folder is kept with its slash at the end, the root as nothing.
    const folders = foldersOf(path);
    return (
      this.#paths.has(path) ||
      this.#paths.has("") ||
      folders.some((folder) => this.#paths.has(folder) || this.#paths.has(`${folder}/`))
    );
  }

  take(other: Hidden): void {
    for (const path of other.#paths) this.#paths.add(path);
  }
}
