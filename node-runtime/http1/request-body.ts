import type { ByteSource } from "../wasi/io/byte-source.ts";
import { Notifier } from "../wasi/io/notifier.ts";

/** Bytes that wait for a reader before the client must. */
const MAX_WAITING_BYTES = 64 * 1024;
/** What each piece that waits counts for besides: a client may send a byte at a time. */
const PIECE_BYTES = 128;

/** Names and values of header lines in turn; each character is one byte. */
export type RawFields = readonly string[];

/** The body of a request as it comes: read from the client only as far as somebody takes it. */
export class RequestBody implements ByteSource {
  readonly #onTaken: () => void;
  readonly #changed = new Notifier();
  readonly #trailers = Promise.withResolvers<RawFields>();
  #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #state: "open" | "ended" | "closed" = "open";
  #failure: Error | undefined;

  /** `onTaken` is called when there is room for more. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
    this.#trailers.promise.catch(() => {}); // it may fail when nobody asks
  }

  /** Settles at the body's end; rejects when it fails. */
  get trailers(): Promise<RawFields> {
    return this.#trailers.promise;
  }

  /** True while more may come that somebody reads. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** True when no more should be read from the client. */
  get isFull(): boolean {
    return this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** Adds what came. */
  push(chunks: readonly Uint8Array[]): void {
    const [first] = chunks;
    if (this.#state !== "open" || first === undefined) return;
    const piece = chunks.length === 1 ? first : Buffer.concat(chunks);
    this.#chunks.push(piece);
    this.#waitingBytes += piece.length + PIECE_BYTES;
    this.#changed.notify();
  }

  /** The body is complete. */
  end(trailers: RawFields): void {
    if (this.#state === "open") this.#state = "ended";
    this.#trailers.resolve(trailers);
    this.#changed.notify();
  }

  /** Nothing more comes, and it is not complete: readers get what came, then the failure. */
  fail(failure: Error): void {
    if (this.#state === "ended") return;
    this.#failure ??= failure;
    this.#trailers.reject(failure);
    this.#changed.notify();
  }

  take(max: number): Uint8Array | undefined | null {
    const first = this.#chunks[0];
    if (first === undefined) {
      if (this.#failure !== undefined) throw this.#failure;
      return this.#state === "open" ? undefined : null;
    }
    const chunk = first.length > max ? first.subarray(0, max) : first;
    const wasFull = this.isFull;
    this.#waitingBytes -= chunk.length;
    if (chunk.length === first.length) {
      this.#chunks.shift();
      this.#waitingBytes -= PIECE_BYTES;
    } else this.#chunks[0] = first.subarray(max);
    if (wasFull && !this.isFull) this.#onTaken();
    return chunk;
  }

  subscribe(wake: () => void): () => void {
    return this.#changed.subscribe(wake);
  }

  /** Nobody reads on: what still comes is thrown away. */
  close(): void {
    if (this.#state === "open") this.#state = "closed";
    const wasFull = this.isFull;
    this.#chunks = [];
    this.#waitingBytes = 0;
    if (wasFull) this.#onTaken();
  }
}
