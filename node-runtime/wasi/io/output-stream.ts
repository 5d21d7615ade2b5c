import { messageOf } from "../../../common/errors.ts";
import { WasiError } from "../errors.ts";
import type { Scope } from "../scope.ts";
import type { ByteSink } from "./byte-source.ts";
import { copyOf } from "./bytes.ts";
import { IoError, type StreamError } from "./error.ts";
import type { InputStream } from "./input-stream.ts";
import { Pollable } from "./pollable.ts";

/** The WIT's bound on `blocking-write-and-flush` and `blocking-write-zeroes-and-flush`. */
const MAX_BLOCKING_WRITE_BYTES = 4096;

/** After so many flushes without a wait a guest gives way: it would otherwise never leave the thread. */
const MAX_QUICK_FLUSHES = 64;

/** `wasi:io/streams` resource `output-stream` over any byte sink. */
export class OutputStream {
  readonly #scope: Scope;
  readonly #sink: ByteSink;
  readonly #forget: () => void;
  #permit = 0;
  #flushing = false;
  #dropped = false;
  /** What a readiness check came upon and no call has told yet. */
  #failure: unknown;
  #quickFlushes = 0;

  constructor(scope: Scope, sink: ByteSink) {
    this.#scope = scope;
    this.#sink = sink;
    this.#forget = scope.defer(() => sink.close?.());
  }

  /** How many bytes the next `write` may carry; 0 until a started flush is done. */
  checkWrite(): bigint {
    this.#permit = this.#capacity();
    return BigInt(this.#permit);
  }

  /** Writes what `checkWrite` permitted; more is a trap, as the WIT says. */
  write(contents: Uint8Array): void {
    if (contents.length > this.#permit) throw new Error("write: more bytes than check-write permitted");
    if (this.#openCapacity() === null) throw closed();
    this.#permit -= contents.length;
    this.#sink.write(copyOf(contents));
  }

  /**
   * Writes all of up to 4096 bytes; returns, or resolves, when they have left. A sink that takes them at once costs no
   * promise.
   */
  blockingWriteAndFlush(contents: Uint8Array): void | Promise<void> {
    if (contents.length > MAX_BLOCKING_WRITE_BYTES) throw new Error("blocking-write-and-flush: more than 4096 bytes");
    const own = copyOf(contents);
    if (this.#capacity() < own.length) return this.#writeAll(own);
    if (own.length > 0) this.#sink.write(own);
    if (!this.#sink.flushed() || ++this.#quickFlushes % MAX_QUICK_FLUSHES === 0) return this.blockingFlush();
    this.#flushing = false;
    if (this.#openCapacity() === null) throw closed();
  }

  async #writeAll(contents: Uint8Array): Promise<void> {
    let rest = contents;
    while (rest.length > 0) {
      const room = await this.#untilWritable();
      const part = rest.subarray(0, room);
      this.#sink.write(part);
      rest = rest.subarray(part.length);
    }
    await this.blockingFlush();
  }

  /** Starts a flush; `checkWrite` is 0 until it is done. */
  flush(): void {
    if (this.#openCapacity() === null) throw closed();
    this.#flushing = !this.#sink.flushed();
  }

  /** Resolves when everything written has left. */
  async blockingFlush(): Promise<void> {
    this.flush();
    await this.#scope.breathe();
    while (this.#flushing && !this.#sink.flushed()) {
      if (this.#openCapacity() === null) throw closed();
      await this.#scope.wait((wake) => this.#sink.subscribe(wake));
    }
    this.#flushing = false;
    if (this.#openCapacity() === null) throw closed();
  }

  /** A pollable that is ready when `checkWrite` would return more than 0 or an error. */
  subscribe(): Pollable {
    return new Pollable(this.#scope, {
      ready: () => this.#writable(),
      subscribe: (wake) => this.#sink.subscribe(wake),
    });
  }

  /** Writes `len` zero bytes, as permitted by `checkWrite`. */
  writeZeroes(len: bigint): void {
    if (len > BigInt(this.#permit)) throw new Error("write-zeroes: more bytes than check-write permitted");
    this.write(new Uint8Array(Number(len)));
  }

  /** Writes up to 4096 zero bytes and resolves when they have left. */
  async blockingWriteZeroesAndFlush(len: bigint): Promise<void> {
    if (len > BigInt(MAX_BLOCKING_WRITE_BYTES)) {
      throw new Error("blocking-write-zeroes-and-flush: more than 4096 bytes");
    }
    await this.blockingWriteAndFlush(new Uint8Array(Number(len)));
  }

  /** Moves up to `len` bytes from `source`, as many as both sides carry now; returns how many. */
  splice(source: InputStream, len: bigint): bigint {
    const room = this.checkWrite();
    const chunk = source.read(len < room ? len : room);
    this.write(chunk);
    return BigInt(chunk.length);
  }

  /** Like `splice`, but waits until both sides are ready. */
  async blockingSplice(source: InputStream, len: bigint): Promise<bigint> {
    const room = BigInt(await this.#untilWritable());
    const chunk = await source.blockingRead(len < room ? len : room);
    this.checkWrite();
    this.write(chunk);
    return BigInt(chunk.length);
  }

  /** Drop: the sink learns that nothing more comes. */
  [Symbol.dispose](): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#forget();
    this.#sink.close?.();
  }

  #capacity(): number {
    const room = this.#openCapacity();
    if (room === null) throw closed();
    if (this.#flushing) {
      if (!this.#sink.flushed()) return 0;
      this.#flushing = false;
    }
    return room;
  }

  /** The sink's capacity; null once closed. A host failure becomes the stream's `last-operation-failed`. */
  #openCapacity(): number | null {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    try {
      return this.#sink.capacity();
    } catch (failure) {
      throw new WasiError<StreamError>({ tag: "last-operation-failed", val: new IoError(messageOf(failure), failure) });
    }
  }

  #writable(): boolean {
    try {
      return this.#capacity() > 0;
    } catch (failure) {
      this.#failure = failure; // waits to be told by the next call
      return true;
    }
  }

  async #untilWritable(): Promise<number> {
    for (;;) {
      const room = this.#capacity();
      if (room > 0) return room;
      await this.#scope.wait((wake) => this.#sink.subscribe(wake));
    }
  }
}

function closed(): WasiError<StreamError> {
  return new WasiError<StreamError>({ tag: "closed" });
}
