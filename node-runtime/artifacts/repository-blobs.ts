import type { ArtifactRegistry, BlobStore } from "../../oci/pull.ts";
import type { Reference } from "../../oci/reference.ts";
import type { BlobFiles } from "./blob-files.ts";
import type { ServedBlobs } from "./served-blobs.ts";

/** What a registry has to send of a blob that a crash cut off, so that it can be believed to have it. */
const PROOF_BYTES = 4096;

/** A pull: of what, from whom, and what is known of earlier ones. */
export interface RepositoryContext {
  reference: Reference;
  client: ArtifactRegistry;
  served: ServedBlobs;
  /** Digests that the repository had before, for whoever pulls. */
  confirmed: readonly string[];
}

/**
 * The node's blobs as one pull may use them: those that its repository has. By a digest in a manifest of their own nobody gets
 * at a blob that others pulled with their credentials: it has to come from the manifest's repository too. A registry's word is
 * enough where it has served the blob to this node; another one may be anybody's, and has to send the bytes.
 */
export class RepositoryBlobs implements BlobStore {
  readonly #files: BlobFiles;
  readonly #context: RepositoryContext;
  readonly #confirmed: Set<string>;

  constructor(files: BlobFiles, context: RepositoryContext) {
    this.#files = files;
    this.#context = context;
    this.#confirmed = new Set(context.confirmed);
  }

  async open(descriptor: { digest: string; size?: number }): Promise<AsyncIterable<Uint8Array> | undefined> {
    return (await this.#has(descriptor)) ? this.#files.open(descriptor) : undefined;
  }

  async openBeginning(descriptor: { digest: string; size: number }): Promise<AsyncIterable<Uint8Array> | undefined> {
    const beginning = await this.#files.openBeginning(descriptor);
    if (beginning === undefined || this.#confirmed.has(descriptor.digest)) return beginning;
    return firstOf(beginning, descriptor.size - PROOF_BYTES);
  }

  async write(descriptor: { digest: string; size: number }, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { reference, served } = this.#context;
    // Before it is in its place: with the one there, a crash leaves no blob that nobody is known to have served.
    await this.#files.write(descriptor, bytes, () => served.note(reference.registry, descriptor.digest));
    this.#confirmed.add(descriptor.digest);
  }

  async #has({ digest, size }: { digest: string; size?: number }): Promise<boolean> {
    if (this.#confirmed.has(digest)) return true;
    // A manifest, whose size nobody has said, is asked for anew: it is small, and not every registry has it as a blob.
    if (size === undefined || !this.#files.has(digest)) return false;
    const { reference, client, served } = this.#context;
    if (!served.has(reference.registry, digest) || !(await client.hasBlob(reference, digest))) return false;
    this.#confirmed.add(digest);
    return true;
  }
}

async function* firstOf(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of bytes) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.length;
  }
}
