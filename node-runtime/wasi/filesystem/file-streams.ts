import type { ByteSink, ByteSource } from "../io/byte-source.ts";
import { Notifier } from "../io/notifier.ts";
import { errorCodeOf, FileStreamError } from "./error-code.ts";
import { readAt, writeWithin } from "./file-io.ts";
import type { HeldFd } from "./held-fd.ts";
import type { VolumeQuota } from "./volume-quota.ts";

/** The most bytes that a stream holds: those read and not taken yet, or written and not on their way yet. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** A file's bytes from an offset to its end. Reads one piece at a time, when asked, and never ahead. */
export class FileSource implements ByteSource {
  readonly #held: HeldFd;
  readonly #changed = new Notifier();
  #offset: bigint;
  #piece: Uint8Array | undefined;
  #failure: unknown;
  #reading = false;
  #ended = false;
  #closed = false;

  /** Takes over one use of `held`. */
  constructor(held: HeldFd, offset: bigint) {
    this.#held = held;
    this.#offset = offset;
  }

  take(max: number): Uint8Array | undefined | null {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      this.#ended = true;
      throw failure;
    }
    if (this.#piece !== undefined) return this.#takePiece(this.#piece, max);
    if (this.#ended) return null;
    if (!this.#reading) void this.#readPiece(Math.min(max, MAX_BUFFERED_BYTES));
    return undefined;
  }

  subscribe(wake: () => void): () => void {
    if (this.#reading) return this.#changed.subscribe(wake);
    wake();
    return () => {};
  }

  /** Idempotent: the scope and the guest may both end a stream. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#piece = undefined;
    this.#held.release();
  }

  #takePiece(piece: Uint8Array, max: number): Uint8Array {
    this.#piece = piece.length > max ? piece.subarray(max) : undefined;
    return piece.length > max ? piece.subarray(0, max) : piece;
  }

  async #readPiece(max: number): Promise<void> {
    this.#reading = true;
    try {
      const piece = await readAt(this.#held, max, this.#offset);
      this.#offset += BigInt(piece.length);
      if (piece.length === 0) this.#ended = true;
      else if (!this.#ended) this.#piece = piece;
    } catch (thrown) {
      this.#failure = streamErrorOf(thrown);
    }
    this.#reading = false;
    this.#changed.notify();
  }
}

/** A file to be written from an offset on, or at its end. Writes in order, one piece at a time. */
export class FileSink implements ByteSink {
  readonly #held: HeldFd;
  readonly #quota: VolumeQuota | undefined;
  readonly #changed = new Notifier();
  /** Undefined for a file opened to append: the kernel finds the end. */
  #offset: bigint | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #failure: unknown;
  #failed = false;
  #writing = false;
  #closed = false;

  /** Takes over one use of `held`. */
  constructor(held: HeldFd, offset: bigint | undefined, quota?: VolumeQuota) {
    this.#held = held;
    this.#quota = quota;
    this.#offset = offset;
  }

  capacity(): number | null {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (this.#failed || this.#closed) return null;
    return MAX_BUFFERED_BYTES - this.#queuedBytes;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#failed || this.#closed) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (!this.#writing) void this.#writeQueue();
  }

  flushed(): boolean {
    return this.#queuedBytes === 0;
  }

  subscribe(wake: () => void): () => void {
    return this.#changed.subscribe(wake);
  }

  /** What was accepted is still written. Idempotent, as the source's. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#writing) this.#release();
  }

  async #writeQueue(): Promise<void> {
    this.#writing = true;
    try {
      for (let piece = this.#queue[0]; piece !== undefined; piece = this.#queue[0]) {
        const written = await writeWithin(this.#quota, this.#held, piece, this.#offset);
        if (this.#offset !== undefined) this.#offset += BigInt(written);
        if (written === piece.length) this.#queue.shift();
        else this.#queue[0] = piece.subarray(written);
        this.#queuedBytes -= written;
        this.#changed.notify();
      }
    } catch (thrown) {
      this.#failed = true;
      this.#failure = streamErrorOf(thrown);
      this.#queue = [];
      this.#queuedBytes = 0;
    }
    this.#writing = false;
    this.#changed.notify();
    if (this.#closed) this.#release();
  }

  #release(): void {
    this.#held.release();
    this.#quota?.shrank();
  }
}

function streamErrorOf(thrown: unknown): FileStreamError {
  return new FileStreamError(errorCodeOf(thrown) ?? "io");
}
