import type { BlobStore } from "./pull.ts";

/** Keeps blobs in memory: for tests, and for what is looked at once. */
export class MemoryBlobs implements BlobStore {
  readonly #blobs = new Map<string, readonly Uint8Array[]>();

  get digests(): string[] {
    return [...this.#blobs.keys()];
  }

  async open({ digest }: { digest: string }): Promise<AsyncIterable<Uint8Array> | undefined> {
    const chunks = this.#blobs.get(digest);
    return Promise.resolve(chunks === undefined ? undefined : iterate(chunks));
  }

  async write({ digest }: { digest: string }, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(Uint8Array.from(chunk));
    this.#blobs.set(digest, chunks);
  }
}

async function* iterate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}
