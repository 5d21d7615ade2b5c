import { WasmletError } from "../../common/errors.ts";
import { digestOf } from "../digest.ts";
import type { Descriptor } from "../manifest.ts";
import { essenceOf, SPIN_ARCHIVE } from "../media-types.ts";
import { readArchive, UnpackBudget, type UnpackLimits } from "./archive.ts";
import { readImageFile, type OpenBlob } from "./image-file.ts";
import type { Layout } from "./layout.ts";
import { readSpinLock, type SpinContent, type SpinLock } from "./spin-lock.ts";

/** A program with what its artifact says about running it. */
interface Program {
  wasm: Uint8Array;
  /** Arguments after the program's name. */
  args: string[];
  /** Further ones, which a caller's own replace. */
  defaultArgs: string[];
  env: [name: string, value: string][];
}

/** A component of a Spin application, its files included. */
export interface SpinProgram extends Program {
  id: string;
  files: ReadonlyMap<string, Uint8Array>;
  variables: [name: string, template: string][];
  allowedOutboundHosts: string[];
}

/** What a Spin application says of all of its components. */
export type SpinApplication = Omit<SpinLock, "components">;

/** A Spin application with what its lock file refers to. */
export type SpinContents = SpinApplication & { kind: "spin"; components: SpinProgram[] };

/** What an artifact holds. */
export type Contents =
  | ({ kind: "program"; /** The program's file in an image. */ path?: string } & Program)
  | SpinContents;

const WASM_MAGIC = Buffer.from([0x00, 0x61, 0x73, 0x6d]);
/** The largest program that is read into memory. */
const MAX_WASM_BYTES = 256 * 1024 * 1024;
const MAX_LOCK_BYTES = 4 * 1024 * 1024;

/**
 * Reads an artifact's contents from its blobs, which `open` has verified. Throws OCI_LAYOUT_UNKNOWN, OCI_MANIFEST_INVALID
 * where a blob is not what its media type says, and what unpacking throws.
 */
export async function readContents(
  layout: Layout,
  open: OpenBlob,
  where: string,
  limits?: UnpackLimits,
): Promise<Contents> {
  if (layout.kind === "wasm") {
    const wasm = await readWhole(layout.layer, open, MAX_WASM_BYTES, where);
    return {
      kind: "program",
      wasm: checkWasm(wasm, `${where}: ${layout.layer.mediaType}`),
      args: [],
      defaultArgs: [],
      env: [],
    };
  }
  const budget = new UnpackBudget(limits);
  if (layout.kind === "spin") return readSpin(layout, open, budget, where);
  const { path, bytes } = await readImageFile(layout, open, budget, where);
  const { entrypoint, command, env } = layout.config;
  const args = entrypoint.slice(1);
  const defaultArgs = entrypoint.length === 0 ? command.slice(1) : command;
  return { kind: "program", path, wasm: checkWasm(bytes, `${where}: ${path}`), args, defaultArgs, env };
}

async function readSpin(
  { lock, layers }: Extract<Layout, { kind: "spin" }>,
  open: OpenBlob,
  budget: UnpackBudget,
  where: string,
): Promise<Contents> {
  const { components, ...app } = readSpinLock(await readWhole(lock, open, MAX_LOCK_BYTES, where), where);
  const find = await indexContents(layers, open, budget, where);
  const programs: SpinProgram[] = [];
  for (const { id, source, files, env, variables, allowedOutboundHosts } of components) {
    const wasm = checkWasm(await find(source), `${where}: the component ${id}`);
    const laidOut = new Map<string, Uint8Array>();
    for (const { path, content } of files) laidOut.set(path, await find(content));
    programs.push({ id, wasm, args: [], defaultArgs: [], env, variables, allowedOutboundHosts, files: laidOut });
  }
  return { kind: "spin", ...app, components: programs };
}

/** Returns a function that finds what a lock file refers to: a layer, or a file in an archive, by its digest. */
async function indexContents(
  layers: readonly Descriptor[],
  open: OpenBlob,
  budget: UnpackBudget,
  where: string,
): Promise<(content: SpinContent) => Promise<Uint8Array>> {
  const byDigest = new Map(layers.map((layer) => [layer.digest, layer]));
  const archived = new Map<string, Uint8Array>();
  for (const layer of layers.filter(({ mediaType }) => essenceOf(mediaType) === SPIN_ARCHIVE)) {
    const archive = { bytes: await open(layer), compression: "gzip", where: `${where}: ${layer.digest}` } as const;
    const files = await readArchive(archive, budget, ({ path, type }) => {
      if (type === "link") throw linkError(path, archive.where);
      return type === "file";
    });
    for (const bytes of files.values()) archived.set(digestOf(bytes), bytes);
  }
  const read = new Map<string, Uint8Array>();
  return async (content) => {
    if ("inline" in content) return content.inline;
    const known = archived.get(content.digest) ?? read.get(content.digest);
    if (known !== undefined) return known;
    const layer = byDigest.get(content.digest);
    if (layer === undefined) throw missing(content.digest, where);
    budget.keep(layer.size, where);
    const bytes = await readWhole(layer, open, MAX_WASM_BYTES, where);
    read.set(content.digest, bytes);
    return bytes;
  };
}

/** Reads a verified blob into memory: it has the size that its descriptor says. */
async function readWhole(descriptor: Descriptor, open: OpenBlob, maxBytes: number, where: string): Promise<Uint8Array> {
  if (descriptor.size > maxBytes) {
    throw new WasmletError("OCI_TOO_LARGE", "a part of the artifact is larger than is accepted", {
      where: `${where}: ${descriptor.digest}`,
      expected: `at most ${maxBytes} bytes`,
      actual: `${descriptor.size} bytes`,
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of await open(descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Throws OCI_MANIFEST_INVALID unless a verified blob begins as WebAssembly does; reads no more of it than that. */
export async function checkProgramBlob(bytes: AsyncIterable<Uint8Array>, where: string): Promise<void> {
  const start: Uint8Array[] = [];
  for await (const chunk of bytes) {
    start.push(chunk);
    if (start.reduce((sum, { length }) => sum + length, 0) >= WASM_MAGIC.length) break;
  }
  checkWasm(Buffer.concat(start), where);
}

/** Returns the bytes if they begin as WebAssembly does: a media type or a name alone says nothing. */
function checkWasm(bytes: Uint8Array, where: string): Uint8Array {
  if (Buffer.compare(bytes.subarray(0, WASM_MAGIC.length), WASM_MAGIC) === 0) return bytes;
  throw new WasmletError("OCI_MANIFEST_INVALID", "what should be WebAssembly is something else", {
    where,
    expected: "a binary that begins with \\0asm",
    actual: `${bytes.length} bytes that begin with ${Buffer.from(bytes.subarray(0, 8)).toString("hex")}`,
  });
}

function linkError(path: string, where: string): WasmletError {
  return new WasmletError("OCI_ARCHIVE_UNSAFE", "an archive of the Spin application has a link", {
    where,
    expected: "plain files",
    actual: JSON.stringify(path.slice(0, 200)),
  });
}

function missing(digest: string, where: string): WasmletError {
  return new WasmletError("OCI_MANIFEST_INVALID", "the Spin application refers to something that its artifact lacks", {
    where,
    expected: `a layer ${digest}`,
  });
}
