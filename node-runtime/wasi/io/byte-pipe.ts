import type { ByteSink, ByteSource } from "./byte-source.ts";
import { Notifier } from "./notifier.ts";

/** Bytes that may wait in a pipe before its writer must. */
const DEFAULT_CAPACITY_BYTES = 64 * 1024;
/** Up to this many bytes are put together with others that wait: a guest may write one at a time. */
const SMALL_BYTES = 1024;
/** What small writes are put together in. */
const JOINED_BYTES = 4096;

/**
 * A bounded byte queue with a writing side (a sink) and a reading side (a source): how a guest's body reaches the
 * network and the other way round. Either side can end it; `fail` reaches the reader after the bytes before it.
 */
export class BytePipe implements ByteSink, ByteSource {
  readonly #capacityBytes: number;
  readonly #readers = new Notifier();
  readonly #writers = new Notifier();
  #reader: (() => void) | undefined;
  #chunks: Uint8Array[] = [];
  /** Room behind the last chunk, in its buffer. */
  #spare: Uint8Array = NOTHING;
  #queuedBytes = 0;
  #ended = false;
  #readerGone = false;
  #failure: unknown;

  constructor(capacityBytes = DEFAULT_CAPACITY_BYTES) {
    this.#capacityBytes = capacityBytes;
  }

  /** Bytes written and not yet taken. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** True once the writing side ended, well or not. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /** Has the one reader called at each write and at the end; a reader that came late looks for itself what is there. */
  attach(reader: () => void): void {
    this.#reader = reader;
  }

  capacity(): number | null {
    if (this.#readerGone || this.#ended) return null;
    return Math.max(0, this.#capacityBytes - this.#queuedBytes);
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#readerGone || this.#ended) return;
    if (this.#chunks.length > 0 && bytes.length <= SMALL_BYTES) this.#join(bytes);
    else {
      this.#chunks.push(bytes);
      this.#spare = NOTHING;
    }
    this.#queuedBytes += bytes.length;
    this.#notifyReaders();
  }

  #join(bytes: Uint8Array): void {
    let start: Uint8Array = NOTHING;
    if (bytes.length <= this.#spare.length) start = this.#chunks.pop()!;
    else this.#spare = new Uint8Array(JOINED_BYTES);
    const { buffer, byteOffset } = start === NOTHING ? this.#spare : start;
    this.#spare.set(bytes);
    this.#spare = this.#spare.subarray(bytes.length);
    this.#chunks.push(new Uint8Array(buffer, byteOffset, start.length + bytes.length));
  }

  flushed(): boolean {
    return this.#queuedBytes === 0;
  }

  /** Ends the writing side: the reader sees the end after what is queued. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#notifyReaders();
    this.#writers.notify();
  }

  /** Ends the writing side with a failure, which the reader's `take` throws after what is queued. */
  fail(failure: unknown): void {
    if (this.#ended) return;
    this.#failure = failure;
    this.end();
  }

  take(max: number): Uint8Array | undefined | null {
    const first = this.#chunks[0];
    if (first === undefined) {
      if (!this.#ended) return undefined;
      if (this.#failure === undefined) return null;
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    const chunk = first.length > max ? first.subarray(0, max) : first;
    if (chunk.length === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(max);
    this.#queuedBytes -= chunk.length;
    this.#writers.notify();
    return chunk;
  }

  /** The reader is gone: what is queued is forgotten and the writer sees `closed`. */
  cancel(): void {
    this.#readerGone = true;
    this.#chunks = [];
    this.#queuedBytes = 0;
    this.#writers.notify();
    this.#readers.notify();
  }

  #notifyReaders(): void {
    this.#readers.notify();
    this.#reader?.();
  }

  /** Wakes at any change: more bytes, more room, the end. */
  subscribe(wake: () => void): () => void {
    const undoRead = this.#readers.subscribe(wake);
    const undoWrite = this.#writers.subscribe(wake);
    return () => {
      undoRead();
      undoWrite();
    };
  }
}

const NOTHING = new Uint8Array(0);
