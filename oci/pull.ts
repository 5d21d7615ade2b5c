import { buffer } from "node:stream/consumers";
import { WasmletError } from "../common/errors.ts";
import type { UnpackLimits } from "./layouts/archive.ts";
import { readContents, type Contents } from "./layouts/contents.ts";
import type { OpenBlob } from "./layouts/image-file.ts";
import { chooseLayout, type LayoutChoice } from "./layouts/layout.ts";
import { choosePlatform } from "./layouts/platform.ts";
import { readManifest, type Descriptor, type ImageManifest, type Manifest } from "./manifest.ts";
import { formatReference, type Reference } from "./reference.ts";
import type { RegistryClient } from "./registry/client.ts";

/** Keeps verified blobs, manifests among them, under their digests. */
export interface BlobStore {
  /** Returns the bytes of a blob that is kept, as good as when they came; undefined where it is not. */
  open(descriptor: { digest: string; size?: number }): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Keeps a blob. It is kept only when `bytes` ends without an error, and then whole. */
  write(descriptor: Pick<Descriptor, "digest" | "size">, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** Returns what is there of a blob that a crash cut off, not verified; undefined where it has to come from the start. */
  openBeginning?(descriptor: Pick<Descriptor, "digest" | "size">): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** What a pull asks a registry for. */
export type ArtifactRegistry = Pick<RegistryClient, "manifest" | "blob" | "hasBlob" | "referrers">;

/** What a pull works with. */
export interface PullContext {
  client: ArtifactRegistry;
  blobs: BlobStore;
  /** Blobs that are on their way, by digest: shared by pulls at the same time, each is fetched once. */
  flights?: Map<string, Promise<void>>;
  signal?: AbortSignal | undefined;
  /** Called as a blob comes: how many of its bytes are there. */
  onProgress?: (descriptor: Descriptor, received: number) => void;
  limits?: UnpackLimits;
}

/** An artifact whose manifest and configuration are here and were understood. */
export interface FoundArtifact {
  reference: Reference;
  /** The digest of what the reference names: an index, or the manifest itself. */
  digest: string;
  /** The digest of the manifest that was chosen. */
  manifestDigest: string;
  manifest: ImageManifest;
  /** How the program is found in it, and why so. */
  choice: LayoutChoice;
}

/** The configuration of an image is a few kilobytes; old Spin applications have their lock file there. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * Finds out what a reference names, without its layers: what is kept is not asked for again, where the reference has a
 * digest. Throws OCI_* errors.
 */
export async function findArtifact(reference: Reference, context: PullContext): Promise<FoundArtifact> {
  const where = formatReference(reference);
  const named = await obtainManifest(reference, context);
  const reasons: string[] = [];
  let chosen = named;
  if (named.content.kind === "index") {
    const { descriptor, reason } = choosePlatform(named.content.index, where);
    reasons.push(reason);
    chosen = await obtainManifest({ ...reference, digest: descriptor.digest }, context);
  }
  if (chosen.content.kind === "index") {
    throw new WasmletError("OCI_LAYOUT_UNKNOWN", "the artifact is an index of indexes", {
      where,
      expected: "an index of manifests",
      fix: "Name the digest of the manifest that is meant.",
    });
  }
  const { manifest } = chosen.content;
  const { config } = manifest;
  if (config.size > MAX_CONFIG_BYTES) {
    throw new WasmletError("OCI_TOO_LARGE", "the artifact's configuration is larger than is accepted", {
      where,
      expected: `at most ${MAX_CONFIG_BYTES} bytes`,
      actual: `${config.size} bytes`,
    });
  }
  const choice = chooseLayout(manifest, await buffer(await obtainBlob(reference, config, context)), where);
  choice.reasons.unshift(...reasons);
  return { reference, digest: named.digest, manifestDigest: chosen.digest, manifest, choice };
}

/** Returns the blobs, beside manifest and configuration, that hold an artifact's contents. */
export function contentBlobs({ choice: { layout } }: FoundArtifact): Descriptor[] {
  if (layout.kind === "wasm") return [layout.layer];
  const blobs = layout.kind === "spin" ? [layout.lock, ...layout.layers] : layout.layers;
  return [...new Map(blobs.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

/** Brings the blobs of an artifact's contents here, all at once within the client's bounds. Throws OCI_* errors. */
export async function fetchContents(artifact: FoundArtifact, context: PullContext): Promise<void> {
  const failing = new AbortController();
  const signal = AbortSignal.any([failing.signal, ...(context.signal === undefined ? [] : [context.signal])]);
  try {
    const { reference } = artifact;
    await Promise.all(contentBlobs(artifact).map((blob) => fetchBlob(reference, blob, { ...context, signal })));
  } catch (thrown) {
    // The first failure ends the others.
    failing.abort(thrown);
    throw thrown;
  }
}

/** Brings an artifact's blobs here and reads what it holds. Throws OCI_* errors. */
export async function pullContents(artifact: FoundArtifact, context: PullContext): Promise<Contents> {
  await fetchContents(artifact, context);
  const { reference, choice } = artifact;
  const open: OpenBlob = (descriptor) => obtainBlob(reference, descriptor, context);
  return readContents(choice.layout, open, formatReference(reference), context.limits);
}

/** Returns a manifest from the store where it is pinned and kept, else from the registry; then it is kept. Throws OCI_* errors. */
export async function obtainManifest(
  reference: Reference,
  { client, blobs, signal }: PullContext,
): Promise<{ digest: string; content: Manifest }> {
  const { digest } = reference;
  const kept = digest === undefined ? undefined : await blobs.open({ digest });
  if (digest !== undefined && kept !== undefined) {
    return { digest, content: readManifest(await buffer(kept), undefined, formatReference(reference)) };
  }
  const { descriptor, bytes, content } = await client.manifest(reference, signal);
  await blobs.write(descriptor, once(bytes));
  return { digest: descriptor.digest, content };
}

/** Returns the bytes of a blob, from the store or from the registry through the store. Throws OCI_* errors. */
export async function obtainBlob(
  reference: Reference,
  descriptor: Descriptor,
  context: PullContext,
): Promise<AsyncIterable<Uint8Array>> {
  const kept = (await context.blobs.open(descriptor)) ?? (await fetchAndOpen(reference, descriptor, context));
  if (kept !== undefined) return kept;
  throw new WasmletError("OCI_TRANSFER_FAILED", "a blob was removed as soon as it was stored", {
    where: `${formatReference(reference)}: ${descriptor.digest}`,
    fix: "Give the store more room.",
  });
}

async function fetchAndOpen(
  reference: Reference,
  descriptor: Descriptor,
  context: PullContext,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  await download(reference, descriptor, context);
  return context.blobs.open(descriptor);
}

async function fetchBlob(reference: Reference, descriptor: Descriptor, context: PullContext): Promise<void> {
  const kept = await context.blobs.open(descriptor);
  if (kept === undefined) await download(reference, descriptor, context);
  else context.onProgress?.(descriptor, descriptor.size);
}

/** Fetches a blob into the store, unless another pull is at it: then that one's is waited for. */
async function download(reference: Reference, descriptor: Descriptor, context: PullContext): Promise<void> {
  const { flights = new Map<string, Promise<void>>(), blobs } = context;
  const { digest } = descriptor;
  for (let other = flights.get(digest); other !== undefined; other = flights.get(digest)) {
    // What it fails of may be its own: an abort, or a repository without the blob.
    await other.catch(() => {});
    if ((await blobs.open(descriptor)) !== undefined) return;
  }
  const flight = transfer(reference, descriptor, context);
  flights.set(digest, flight);
  await flight.finally(() => flights.delete(digest));
}

async function transfer(reference: Reference, descriptor: Descriptor, context: PullContext): Promise<void> {
  const { client, blobs, signal, onProgress } = context;
  const consume = (bytes: AsyncIterable<Uint8Array>): Promise<void> =>
    blobs.write(
      descriptor,
      counted(bytes, (received) => onProgress?.(descriptor, received)),
    );
  let isContinued = false;
  const beginning = async (): Promise<AsyncIterable<Uint8Array> | undefined> => {
    const bytes = await blobs.openBeginning?.(descriptor);
    isContinued ||= bytes !== undefined;
    return bytes;
  };
  try {
    await client.blob(reference, descriptor, consume, { signal, beginning });
  } catch (thrown) {
    const isWrong = thrown instanceof WasmletError && thrown.code === "OCI_DIGEST_MISMATCH";
    if (!isContinued || !isWrong) throw thrown;
    // The crash damaged what it left: everything comes anew.
    await client.blob(reference, descriptor, consume, { signal });
  }
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  count: (received: number) => void,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of bytes) {
    received += chunk.length;
    count(received);
    yield chunk;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
