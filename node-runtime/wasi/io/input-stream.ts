import { messageOf } from "../../../common/errors.ts";
import { WasiError } from "../errors.ts";
import type { Scope } from "../scope.ts";
import type { ByteSource } from "./byte-source.ts";
import { IoError, type StreamError } from "./error.ts";
import { Pollable } from "./pollable.ts";

/** The most one read returns, whatever the guest asks for: what it asks for is copied into its memory. */
const MAX_READ_BYTES = 64 * 1024;

/** `wasi:io/streams` resource `input-stream` over any byte source. */
export class InputStream {
  readonly #scope: Scope;
  readonly #source: ByteSource;
  readonly #forget: () => void;
  /** Bytes (or the end) that a readiness check took from the source and no read has had yet. */
  #peeked: Uint8Array | null | undefined;
  #failure: unknown;
  #ended = false;

  constructor(scope: Scope, source: ByteSource) {
    this.#scope = scope;
    this.#source = source;
    this.#forget = scope.defer(() => source.close?.());
  }

  /** Returns up to `len` bytes that are there now (maybe none); throws `closed` at the end. */
  read(len: bigint): Uint8Array {
    const max = Number(len < BigInt(MAX_READ_BYTES) ? len : BigInt(MAX_READ_BYTES));
    if (max === 0) return new Uint8Array(0);
    const chunk = this.#peek();
    if (chunk === undefined) return new Uint8Array(0);
    if (chunk === null) throw new WasiError<StreamError>({ tag: "closed" });
    this.#peeked = chunk.length > max ? chunk.subarray(max) : undefined;
    return chunk.length > max ? chunk.subarray(0, max) : chunk;
  }

  /** Like `read`, but waits for at least one byte or the end. */
  async blockingRead(len: bigint): Promise<Uint8Array> {
    if (len > 0n) await this.#untilReadable();
    return this.read(len);
  }

  /** Reads and forgets up to `len` bytes; returns how many. */
  skip(len: bigint): bigint {
    return BigInt(this.read(len).length);
  }

  /** Like `skip`, but waits for at least one byte or the end. */
  async blockingSkip(len: bigint): Promise<bigint> {
    return BigInt((await this.blockingRead(len)).length);
  }

  /** A pollable that is ready when a read would return bytes, the end or an error. */
  subscribe(): Pollable {
    return new Pollable(this.#scope, {
      ready: () => this.#readable(),
      subscribe: (wake) => this.#source.subscribe(wake),
    });
  }

  /** Drop: the source learns that nobody reads on. */
  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#forget();
    this.#source.close?.();
  }

  #peek(): Uint8Array | null | undefined {
    if (this.#peeked !== undefined) return this.#peeked;
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      this.#peeked = null; // after the failure was told, the stream is closed
      throw new WasiError<StreamError>({ tag: "last-operation-failed", val: new IoError(messageOf(failure), failure) });
    }
    try {
      this.#peeked = this.#source.take(MAX_READ_BYTES);
    } catch (failure) {
      this.#failure = failure;
      return this.#peek();
    }
    return this.#peeked;
  }

  #readable(): boolean {
    if (this.#peeked !== undefined || this.#failure !== undefined) return true;
    try {
      this.#peeked = this.#source.take(MAX_READ_BYTES);
    } catch (failure) {
      this.#failure = failure;
    }
    return this.#peeked !== undefined || this.#failure !== undefined;
  }

  async #untilReadable(): Promise<void> {
    while (!this.#readable()) await this.#scope.wait((wake) => this.#source.subscribe(wake));
  }
}
