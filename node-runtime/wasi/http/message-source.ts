import type { IncomingMessage } from "node:http";
import type { Clock } from "../clocks/clock.ts";
import type { ByteSource } from "../io/byte-source.ts";
import { Notifier } from "../io/notifier.ts";
import { HttpFailure, type ErrorCode } from "./error-code.ts";
import type { FieldEntry } from "./field-rules.ts";

/**
 * The body of a response as a byte source. It is read only as fast as it is taken, so a slow guest holds the sender
 * back; and it fails when a taker waits longer than the time limit for the next byte.
 */
export class MessageSource implements ByteSource {
  /** What follows the body; rejects with HttpFailure when the body fails. */
  readonly trailers: Promise<FieldEntry[] | undefined>;
  readonly #message: IncomingMessage;
  readonly #clock: Clock;
  readonly #betweenBytesMs: number;
  readonly #changed = new Notifier();
  #rest: Uint8Array | undefined;
  #disarm: (() => void) | undefined;
  #failure: HttpFailure | undefined;
  #ended = false;

  constructor(message: IncomingMessage, clock: Clock, betweenBytesMs: number) {
    this.#message = message;
    this.#clock = clock;
    this.#betweenBytesMs = betweenBytesMs;
    const { promise, resolve, reject } = Promise.withResolvers<FieldEntry[] | undefined>();
    this.trailers = promise;
    message.on("readable", () => this.#notify());
    message.once("end", () => {
      this.#ended = true;
      resolve(message.rawTrailers.length === 0 ? undefined : entriesOf(message.rawTrailers));
      this.#notify();
    });
    message.on("error", (error) => {
      this.#fail(error instanceof HttpFailure ? error.code : { tag: "HTTP-response-incomplete" }, error);
      reject(this.#failure!);
    });
    message.once("close", () => {
      if (this.#ended) return;
      this.#fail({ tag: "HTTP-response-incomplete" });
      reject(this.#failure ?? new HttpFailure({ tag: "HTTP-response-incomplete" }));
    });
  }

  take(max: number): Uint8Array | undefined | null {
    const chunk = this.#rest ?? (this.#message.read() as Uint8Array | null);
    if (chunk !== null) {
      this.#rest = chunk.length > max ? chunk.subarray(max) : undefined;
      return chunk.length > max ? chunk.subarray(0, max) : chunk;
    }
    if (this.#ended) return null;
    if (this.#failure !== undefined) {
      this.#ended = true;
      throw this.#failure;
    }
    this.#arm();
    return undefined;
  }

  subscribe(wake: () => void): () => void {
    return this.#changed.subscribe(wake);
  }

  close(): void {
    this.#disarm?.();
    this.#message.destroy();
  }

  #arm(): void {
    this.#disarm ??= this.#clock.after(this.#betweenBytesMs, () => {
      this.#message.destroy(new HttpFailure({ tag: "connection-read-timeout" }));
    });
  }

  #fail(code: ErrorCode, cause?: unknown): void {
    this.#failure ??= new HttpFailure(code, cause);
    this.#notify();
  }

  #notify(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    this.#changed.notify();
  }
}

/** Returns Node.js' flat list of header lines as name and value pairs. */
export function entriesOf(rawHeaders: readonly string[]): FieldEntry[] {
  const entries: FieldEntry[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    entries.push([rawHeaders[index]!, Buffer.from(rawHeaders[index + 1]!, "latin1")]);
  }
  return entries;
}

/** Returns pairs as Node.js takes them: text in which each character is one byte. */
export function rawHeadersOf(entries: readonly FieldEntry[]): string[] {
  return entries.flatMap(([name, value]) => [name, Buffer.from(value).toString("latin1")]);
}
