/**
 * The body and trailers of a WASI 0.3 message. They come from the guest (a stream and a future that it writes) or from
 * the network, and go to the guest or to the network: each message is consumed once.
 */
import { InputStream } from "../../io/input-stream.ts";
import { OutputStream } from "../../io/output-stream.ts";
import { errorCodeOf, HttpError, HttpFailure, type ErrorCode } from "../../http/error-code.ts";
import { IncomingBody, readTrailers, type ReceivedBody } from "../../http/incoming-body.ts";
import { declaredBytesOf, SentBody, type BodyKind } from "../../http/outgoing-body.ts";
import type { Scope } from "../../scope.ts";
import { resultOf, type Result } from "../result.ts";
import { EMPTY_STREAM, pour, streamFrom, type GuestStream } from "../streams.ts";
import { Fields } from "./fields.ts";

/** What follows a body, as the guest gives and gets it. */
export type TrailersFuture = PromiseLike<Result<Fields | undefined, ErrorCode>>;

/** How the transmission of a message ended. */
export type Transmission = Result<void, ErrorCode>;

/** What a consumer of a message gets. */
export type Consumed = [stream: AsyncIterable<Uint8Array> | GuestStream, trailers: TrailersFuture];

/** The contents of one message. */
export interface Contents {
  /** Hands body and trailers to the guest; `result` is what it makes of them. */
  consume(result: PromiseLike<Transmission>): Consumed;
  /** Sends body and trailers through `body`; resolves when all is written, or it failed: the body then says how. */
  send(body: SentBody): Promise<void>;
  /** Says that nobody wants them. */
  discard(): void;
}

/** The contents that one message owns until they are taken, once: to be consumed, sent or discarded. */
export class OwnedContents {
  #contents: Contents | undefined;

  constructor(contents: Contents) {
    this.#contents = contents;
  }

  /** Hands body and trailers to the guest. */
  consume(result: PromiseLike<Transmission>): Consumed {
    return this.#take().consume(result);
  }

  /** Returns the body to send for a message with these headers, and what must run to fill it; throws the error code. */
  send(kind: BodyKind, headers: Fields): { body: SentBody; sendContents: () => Promise<void> } {
    const contents = this.#take();
    try {
      const body = new SentBody(kind, declaredBytesOf(headers));
      return { body, sendContents: () => contents.send(body) };
    } catch {
      contents.discard();
      throw new HttpError({ tag: "HTTP-protocol-error" }); // the declared length is no length
    }
  }

  /** Drop: nobody wants them. */
  [Symbol.dispose](): void {
    this.#contents?.discard();
    this.#contents = undefined;
  }

  #take(): Contents {
    const contents = this.#contents;
    if (contents === undefined) throw new Error("the message's contents were taken already");
    this.#contents = undefined;
    return contents;
  }
}

/** Returns the contents of a message that the guest made, and the future of their transmission. */
export function madeContents(
  scope: Scope,
  stream: GuestStream | undefined,
  trailers: TrailersFuture,
): [Contents, Promise<Transmission>] {
  const { promise, resolve } = Promise.withResolvers<Transmission>();
  const contents: Contents = {
    consume(result) {
      Promise.resolve(result).then(resolve, () => resolve(failed({ tag: "internal-error", val: undefined })));
      return [stream ?? EMPTY_STREAM, trailers];
    },
    async send(body) {
      resolve(await resultOf(sendMade(scope, stream, trailers, body), errorCodeOf));
    },
    discard() {
      stream?.[Symbol.dispose]();
      resolve(failed({ tag: "connection-terminated" }));
    },
  };
  return [contents, promise];
}

/** Returns the contents of a message from the network. */
export function receivedContents(scope: Scope, received: ReceivedBody): Contents {
  return {
    consume(result) {
      Promise.resolve(result).catch(() => {}); // the sender is not told what became of its message
      const { stream, ended } = streamFrom(new IncomingBody(received).stream());
      const entries = ended.then(() => readTrailers(received));
      return [
        stream,
        resultOf(
          entries.then((found) => found && Fields.received(found)),
          errorCodeOf,
        ),
      ];
    },
    async send(body) {
      try {
        const input = new InputStream(scope, received.source);
        const { stream, ended } = streamFrom(input);
        const iterator = stream[Symbol.asyncIterator]();
        const guest: GuestStream = {
          read: () => iterator.next() as ReturnType<GuestStream["read"]>,
          [Symbol.dispose]: () => input[Symbol.dispose](),
        };
        await pour(guest, outputOf(scope, body), terminated);
        await ended;
        body.finish(await received.trailers());
      } catch {
        body.abandon();
      }
    },
    discard: () => received.close(),
  };
}

async function sendMade(
  scope: Scope,
  stream: GuestStream | undefined,
  trailers: TrailersFuture,
  body: SentBody,
): Promise<void> {
  const forget = scope.defer(() => body.abandon());
  try {
    if (stream !== undefined) await pour(stream, outputOf(scope, body), terminated);
    const result = await trailers;
    if (result.tag === "err") throw new HttpFailure(result.val);
    body.finish(result.val?.entries());
  } catch (thrown) {
    body.abandon();
    throw thrown;
  } finally {
    forget();
  }
}

function outputOf(scope: Scope, body: SentBody): OutputStream {
  return new OutputStream(scope, {
    capacity: () => body.capacity(),
    write: (bytes) => body.write(bytes),
    flushed: () => body.flushed(),
    subscribe: (wake) => body.subscribe(wake),
  });
}

function terminated(): HttpFailure {
  return new HttpFailure({ tag: "connection-terminated" });
}

function failed(code: ErrorCode): Transmission {
  return { tag: "err", val: code };
}
