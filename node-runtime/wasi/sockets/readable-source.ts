import type { Readable } from "node:stream";
import type { ByteSource } from "../io/byte-source.ts";
import { Notifier } from "../io/notifier.ts";

/**
 * A Node.js stream as a byte source. It is read only as fast as it is taken, so that a slow guest holds the sender
 * back. `take` throws the stream's error once, after the bytes before it.
 */
export class ReadableSource implements ByteSource {
  readonly #readable: Readable;
  readonly #changed = new Notifier();
  #rest: Uint8Array | undefined;
  #failure: unknown;
  #ended = false;

  constructor(readable: Readable) {
    this.#readable = readable;
    readable.on("readable", () => this.#changed.notify());
    readable.once("end", () => {
      this.#ended = true;
      this.#changed.notify();
    });
    readable.on("error", (error) => this.fail(error));
  }

  take(max: number): Uint8Array | undefined | null {
    // The stream ends when its last chunk was read, of which a part may still be here.
    const chunk = this.#rest ?? (this.#ended ? null : (this.#readable.read() as Uint8Array | null));
    if (chunk !== null) {
      this.#rest = chunk.length > max ? chunk.subarray(max) : undefined;
      return chunk.length > max ? chunk.subarray(0, max) : chunk;
    }
    if (this.#ended) return null;
    if (this.#failure === undefined) return undefined;
    this.#ended = true;
    throw this.#failure;
  }

  subscribe(wake: () => void): () => void {
    return this.#changed.subscribe(wake);
  }

  /** Ends the source here, whatever still comes. */
  end(): void {
    this.#rest = undefined;
    this.#ended = true;
    this.#changed.notify();
  }

  /** Fails the source after what is buffered. */
  fail(failure: unknown): void {
    this.#failure ??= failure;
    this.#changed.notify();
  }
}
