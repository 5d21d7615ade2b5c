import { WasiError } from "../errors.ts";
import { BytePipe } from "../io/byte-pipe.ts";
import type { ByteSink } from "../io/byte-source.ts";
import { IoError, type StreamError } from "../io/error.ts";
import { OutputStream } from "../io/output-stream.ts";
import type { Scope } from "../scope.ts";
import { HttpError, HttpFailure, type ErrorCode } from "./error-code.ts";
import type { FieldEntry } from "./field-rules.ts";
import type { Fields } from "./fields.ts";

/** What tells a request's body from a response's. */
export interface BodyKind {
  readonly sizeTag: "HTTP-request-body-size" | "HTTP-response-body-size";
  /** What the reader of an abandoned body gets. */
  readonly abandoned: ErrorCode;
}

/** The body of a message on its way from the guest: `pipe` for whoever sends it, and `trailers`, known at its end. */
export class SentBody implements ByteSink {
  readonly pipe = new BytePipe();
  readonly kind: BodyKind;
  readonly #declaredBytes: number | undefined;
  #writtenBytes = 0;
  #finished = false;
  #trailers: readonly FieldEntry[] | undefined;

  constructor(kind: BodyKind, declaredBytes: number | undefined) {
    this.kind = kind;
    this.#declaredBytes = declaredBytes;
  }

  /** True once the guest completed the body. */
  get isFinished(): boolean {
    return this.#finished;
  }

  /** True once the guest completed the body with trailers. */
  get hasTrailers(): boolean {
    return this.#trailers !== undefined;
  }

  /** What follows the body; undefined means nothing. */
  get trailers(): readonly FieldEntry[] | undefined {
    return this.#trailers;
  }

  capacity(): number | null {
    return this.pipe.capacity();
  }

  write(bytes: Uint8Array): void {
    this.#writtenBytes += bytes.length;
    if (this.#declaredBytes !== undefined && this.#writtenBytes > this.#declaredBytes) {
      const failure = this.#failSize();
      throw new WasiError<StreamError>({ tag: "last-operation-failed", val: new IoError(failure.message, failure) });
    }
    this.pipe.write(bytes);
  }

  flushed(): boolean {
    return this.pipe.flushed();
  }

  subscribe(wake: () => void): () => void {
    return this.pipe.subscribe(wake);
  }

  /** The guest is done: the body ends here, complete. Throws the error code when it is not as long as declared. */
  finish(trailers: readonly FieldEntry[] | undefined): void {
    if (this.#declaredBytes !== undefined && this.#writtenBytes !== this.#declaredBytes) {
      throw new HttpError(this.#failSize().code);
    }
    this.#finished = true;
    this.#trailers = trailers;
    this.pipe.end();
  }

  /** The guest gave up: the body is not complete, and its reader learns so. */
  abandon(): void {
    this.#fail(new HttpFailure(this.kind.abandoned));
  }

  #failSize(): HttpFailure {
    return this.#fail(new HttpFailure({ tag: this.kind.sizeTag, val: BigInt(this.#writtenBytes) }));
  }

  #fail(failure: HttpFailure): HttpFailure {
    this.pipe.fail(failure);
    return failure;
  }
}

/** The body as its stream sees it: dropping the stream leaves the body open, to be finished. */
class BodySink implements ByteSink {
  readonly #body: SentBody;
  readonly close: () => void;

  constructor(body: SentBody, close: () => void) {
    this.#body = body;
    this.close = close;
  }

  capacity(): number | null {
    return this.#body.capacity();
  }

  write(bytes: Uint8Array): void {
    this.#body.write(bytes);
  }

  flushed(): boolean {
    return this.#body.flushed();
  }

  subscribe(wake: () => void): () => void {
    return this.#body.subscribe(wake);
  }
}

/** `wasi:http/types` resource `outgoing-body`: one stream, then `finish`; a drop without it makes the body corrupt. */
export class OutgoingBody {
  readonly #scope: Scope;
  readonly #body: SentBody;
  #forget: (() => void) | undefined;
  #stream: "untaken" | "open" | "dropped" = "untaken";
  #ended = false;

  constructor(scope: Scope, body: SentBody) {
    this.#scope = scope;
    this.#body = body;
    this.#forget = scope.defer(() => this.#abandon());
  }

  /** Returns the stream that the body is written to; at most once. */
  write(): OutputStream {
    if (this.#stream !== "untaken") throw new WasiError(undefined);
    this.#stream = "open";
    return new OutputStream(this.#scope, new BodySink(this.#body, () => (this.#stream = "dropped")));
  }

  /** Completes the body; throws the error code when its length is not the declared one. */
  static finish(body: OutgoingBody, trailers: Fields | undefined): void {
    body.#assertStreamDropped("outgoing-body.finish");
    body.#end();
    body.#body.finish(trailers?.entries());
  }

  /** Drop without `finish`: the message is incomplete. */
  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#assertStreamDropped("outgoing-body drop");
    this.#abandon();
  }

  #abandon(): void {
    this.#end();
    this.#body.abandon();
  }

  #end(): void {
    this.#ended = true;
    this.#forget?.();
  }

  #assertStreamDropped(what: string): void {
    if (this.#stream === "open") throw new Error(`${what}: its output-stream is still alive`);
  }
}

/** Returns the declared length of a message with these headers; undefined without one. Throws when it is not a number. */
export function declaredBytesOf(headers: Fields): number | undefined {
  const values = headers.get("content-length").map((value) => Buffer.from(value).toString("latin1"));
  const [first] = values;
  if (first === undefined) return undefined;
  const bytes = /^\d{1,15}$/.test(first) ? Number(first) : undefined;
  if (bytes === undefined || values.some((value) => value !== first)) throw new WasiError(undefined);
  return bytes;
}
