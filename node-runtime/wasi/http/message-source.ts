import type { IncomingMessage } from "node:http";
import type { Clock } from "../clocks/clock.ts";
import type { ByteSource } from "../io/byte-source.ts";
import { ReadableSource } from "../sockets/readable-source.ts";
import { HttpFailure } from "./error-code.ts";
import type { FieldEntry } from "./field-rules.ts";

/** The body of a response as a byte source, which fails when a taker waits longer than the time limit for the next byte. */
export class MessageSource implements ByteSource {
  /** What follows the body; rejects with HttpFailure when the body fails. */
  readonly trailers: Promise<FieldEntry[] | undefined>;
  readonly #message: IncomingMessage;
  readonly #source: ReadableSource;
  readonly #clock: Clock;
  readonly #betweenBytesMs: number;
  #disarm: (() => void) | undefined;

  constructor(message: IncomingMessage, clock: Clock, betweenBytesMs: number) {
    this.#message = message;
    this.#source = new ReadableSource(message);
    this.#clock = clock;
    this.#betweenBytesMs = betweenBytesMs;
    const { promise, resolve, reject } = Promise.withResolvers<FieldEntry[] | undefined>();
    this.trailers = promise;
    promise.catch(() => {}); // nobody may ever ask for them
    message.on("readable", () => this.#stopTimer());
    message.once("end", () => resolve(message.rawTrailers.length === 0 ? undefined : entriesOf(message.rawTrailers)));
    message.on("error", (error) => reject(failureOf(error)));
    message.once("close", () => {
      this.#stopTimer();
      // After the end, or an error, this changes nothing.
      const failure = failureOf(undefined);
      reject(failure);
      this.#source.fail(failure);
    });
  }

  take(max: number): Uint8Array | undefined | null {
    try {
      const chunk = this.#source.take(max);
      if (chunk === undefined) this.#startTimer();
      return chunk;
    } catch (error) {
      throw failureOf(error);
    }
  }

  subscribe(wake: () => void): () => void {
    return this.#source.subscribe(wake);
  }

  close(): void {
    this.#message.destroy();
  }

  #startTimer(): void {
    this.#disarm ??= this.#clock.after(this.#betweenBytesMs, () => {
      this.#message.destroy(new HttpFailure({ tag: "connection-read-timeout" }));
    });
  }

  #stopTimer(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }
}

/** A body that stops in the middle is incomplete, whatever the socket calls it. */
function failureOf(error: unknown): HttpFailure {
  return error instanceof HttpFailure ? error : new HttpFailure({ tag: "HTTP-response-incomplete" }, error);
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
