import type { IncomingMessage } from "node:http";
import type { ByteSource } from "../wasi/io/byte-source.ts";
import { Notifier } from "../wasi/io/notifier.ts";

/** A request's body as a guest reads it: from the socket only as far as the guest asks, and bounded. */
export class RequestBody implements ByteSource {
  readonly #request: IncomingMessage;
  readonly #changed = new Notifier();
  readonly #maxBytes: number;
  readonly #onTooLarge: () => void;
  #receivedBytes = 0;
  #ended = false;
  #failure: Error | undefined;
  readonly #trailers = Promise.withResolvers<[string, Uint8Array][] | undefined>();

  constructor(request: IncomingMessage, maxBytes: number, onTooLarge: () => void) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#onTooLarge = onTooLarge;
    request.on("readable", () => this.#changed.notify());
    request.on("end", () => this.#end());
    request.on("close", () => {
      if (!this.#ended) this.#fail(new Error("the client closed the connection"));
    });
    request.on("error", (error) => this.#fail(error));
  }

  /** Settles at the body's end. */
  get trailers(): Promise<[string, Uint8Array][] | undefined> {
    return this.#trailers.promise;
  }

  take(max: number): Uint8Array | undefined | null {
    if (this.#failure !== undefined) throw this.#failure;
    const available = Math.min(max, this.#request.readableLength);
    const chunk = (available > 0 ? this.#request.read(available) : this.#request.read(0)) as Buffer | null;
    if (chunk === null || chunk.length === 0) return this.#ended ? null : undefined;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > this.#maxBytes) {
      this.#fail(new Error(`the request's body is larger than ${this.#maxBytes} bytes`));
      this.#onTooLarge();
      throw this.#failure!;
    }
    return chunk;
  }

  subscribe(wake: () => void): () => void {
    return this.#changed.subscribe(wake);
  }

  close(): void {
    this.#trailers.resolve(undefined);
  }

  #end(): void {
    this.#ended = true;
    const { rawTrailers } = this.#request;
    const fields: [string, Uint8Array][] = [];
    for (let index = 0; index < rawTrailers.length; index += 2) {
      fields.push([rawTrailers[index]!, Buffer.from(rawTrailers[index + 1]!, "latin1")]);
    }
    this.#trailers.resolve(fields.length > 0 ? fields : undefined);
    this.#changed.notify();
  }

  #fail(failure: Error): void {
    this.#failure ??= failure;
    this.#trailers.resolve(undefined);
    this.#changed.notify();
  }
}

/** Returns a message's headers as the wire had them: names and values in order, values as latin-1 bytes. */
export function rawFields(rawHeaders: readonly string[]): [string, Uint8Array][] {
  const fields: [string, Uint8Array][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    fields.push([rawHeaders[index]!, Buffer.from(rawHeaders[index + 1]!, "latin1")]);
  }
  return fields;
}
