import { open, type FileHandle } from "node:fs/promises";

const WRITE_BYTES = 1024 * 1024;
/** What is written at once, also where whoever sends it sends it byte by byte. */
const MAX_CHUNKS = 1024;
/** What is brought to the disk at once: at the end little is left to wait for. */
const SYNC_BYTES = 8 * 1024 * 1024;

/**
 * Writes a new file of what comes and returns its size once all of it is on the disk; throws what `bytes` throws, and the
 * errors of the system. What fails leaves its file behind.
 */
export async function writeDurably(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(path, "wx");
  const syncing = new Syncing(handle);
  let size = 0;
  let written: Promise<void> = Promise.resolve();
  try {
    for await (const piece of inPieces(bytes, WRITE_BYTES)) {
      await written;
      syncing.startWhenDue(size);
      size += lengthOf(piece);
      written = writeAll(handle, piece);
      // It is awaited above or below; until then its failure is nobody's.
      written.catch(() => {});
    }
    await written;
    await syncing.finish();
    await handle.sync();
  } finally {
    await written.catch(() => {});
    await syncing.finish().catch(() => {});
    await handle.close();
  }
  return size;
}

/** Brings to the disk what is written of a file while the rest comes: nobody waits for it before the end. */
class Syncing {
  readonly #handle: FileHandle;
  #startedAtBytes = 0;
  #isRunning = false;
  #all: Promise<unknown> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  startWhenDue(writtenBytes: number): void {
    if (this.#isRunning || writtenBytes - this.#startedAtBytes < SYNC_BYTES) return;
    this.#startedAtBytes = writtenBytes;
    this.#isRunning = true;
    const syncing = this.#handle.datasync().finally(() => (this.#isRunning = false));
    // The system tells of a failure once: what comes after it must not hide it.
    this.#all = Promise.all([this.#all, syncing]);
    this.#all.catch(() => {});
  }

  /** Throws what failed of it. */
  async finish(): Promise<void> {
    await this.#all;
  }
}

/** A disk that is nearly full takes less than it is given: the rest then fails, or fits. */
async function writeAll(handle: FileHandle, piece: Uint8Array[]): Promise<void> {
  const { bytesWritten } = await handle.writev(piece);
  if (bytesWritten < lengthOf(piece)) await handle.writeFile(Buffer.concat(piece).subarray(bytesWritten));
}

/**
 * Yields what comes in lists of at least so many bytes, but for the last; a list that grows too long is shorter. Of what
 * comes, less than `KEPT_BYTES` of the registry's client is held at a time: a list, and the one that is being written.
 */
async function* inPieces(bytes: AsyncIterable<Uint8Array>, minBytes: number): AsyncGenerator<Uint8Array[]> {
  let piece: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    piece.push(chunk);
    length += chunk.length;
    if (length < minBytes && piece.length < MAX_CHUNKS) continue;
    yield piece;
    piece = [];
    length = 0;
  }
  if (piece.length > 0) yield piece;
}

function lengthOf(piece: readonly Uint8Array[]): number {
  return piece.reduce((sum, { length }) => sum + length, 0);
}
