import type { RequestHead } from "./request-head.ts";
import {
  formatFields,
  formatHead,
  hasBody,
  isContentLength,
  textOf,
  type Framing,
  type HeaderLine,
} from "./response-head.ts";

/** Bytes taken from the body at a time. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes of one response that are taken in one turn of the event loop: its neighbours need the thread too. */
const MAX_TURN_BYTES = 256 * 1024;

/** A response's body as it comes; it has one reader. */
interface ResponseBody {
  /** Returns 1 to `max` bytes that are there now, undefined when one must wait, or null at the end; throws when it failed. */
  take(max: number): Uint8Array | undefined | null;
  /** Has the reader called whenever `take` may return something else than undefined. */
  attach(reader: () => void): void;
  /** Nobody reads on. */
  cancel(): void;
}

/** A response as it is given. */
export interface Response {
  status: number;
  headers: readonly HeaderLine[];
  body: ResponseBody;
  /** What follows the body; known at its end. */
  trailers(): readonly HeaderLine[] | undefined;
}

/** Where a response goes. */
export interface Outlet {
  /** The client keeps up: more may be written. */
  readonly hasRoom: boolean;
  /** Whether the connection must end with this response. */
  readonly mustClose: boolean;
  /** Texts have one byte for each character. */
  write(parts: readonly (Uint8Array | string)[]): void;
}

/** How a response ended. */
export interface SenderEvents {
  /** All of it was written. */
  sent(closes: boolean): void;
  /** The body failed, or is not as long as it was said to be (`undefined`). */
  failed(failure: unknown): void;
}

/**
 * Writes a response as its body comes, holding whoever writes the body back while the client reads slowly. What comes of
 * the body until all that is due now is done leaves in one piece with the head, and a body that is complete by then
 * gets its length.
 */
export class ResponseSender {
  readonly #request: RequestHead;
  readonly #response: Response;
  readonly #outlet: Outlet;
  readonly #events: SenderEvents;
  readonly #hasBody: boolean;
  readonly #declaredBytes: number | undefined;
  #framing: Framing | undefined;
  #closes = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #bodyBytes = 0;
  #turnBytes = 0;
  #awaitsTurn = false;
  #isScheduled = false;
  #isOver = false;

  constructor(request: RequestHead, response: Response, outlet: Outlet, events: SenderEvents) {
    this.#request = request;
    this.#response = response;
    this.#outlet = outlet;
    this.#events = events;
    this.#hasBody = hasBody(request, response.status);
    this.#declaredBytes = lengthIn(response.headers);
  }

  /** True once the head was written: the response cannot be another any more. */
  get hasBegun(): boolean {
    return this.#framing !== undefined;
  }

  /** How the body's end is told, once the head was written. */
  get framing(): Framing | undefined {
    return this.#framing;
  }

  /** Begins to send, and goes on as the body comes. */
  start(): void {
    this.#response.body.attach(this.pump);
    this.pump();
  }

  /** Takes what there is of the body. To be called when the outlet has room again. */
  readonly pump = (): void => {
    if (this.#isOver) return;
    if (Number.isNaN(this.#declaredBytes)) return this.#fail(undefined);
    try {
      for (;;) {
        if (!this.#mayTake()) return;
        const chunk = this.#response.body.take(CHUNK_BYTES);
        if (chunk === null) return this.#end();
        if (chunk === undefined) return this.#schedule();
        this.#accept(chunk);
        if (this.#hasBody && this.#bodyBytes > (this.#declaredBytes ?? Infinity)) return this.#fail(undefined);
      }
    } catch (failure) {
      // What has no body cannot break off.
      if (this.#hasBody) this.#fail(failure);
      else this.#end();
    }
  };

  /** Writes nothing any more. */
  stop(): void {
    this.#isOver = true;
    this.#waiting = [];
  }

  #mayTake(): boolean {
    if (this.#waitingBytes >= CHUNK_BYTES) this.#flush();
    if (!this.#outlet.hasRoom) return false;
    if (this.#turnBytes < MAX_TURN_BYTES) return true;
    // Once, however often the guest writes until then.
    if (!this.#awaitsTurn) setImmediate(this.#nextTurn);
    this.#awaitsTurn = true;
    return false;
  }

  readonly #nextTurn = (): void => {
    this.#awaitsTurn = false;
    this.#turnBytes = 0;
    this.pump();
  };

  #accept(chunk: Uint8Array): void {
    this.#turnBytes += chunk.length;
    if (!this.#hasBody) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#bodyBytes += chunk.length;
  }

  #fail(failure: unknown): void {
    this.stop();
    this.#events.failed(failure);
  }

  #end(): void {
    if (this.#hasBody && this.#bodyBytes !== (this.#declaredBytes ?? this.#bodyBytes)) return this.#fail(undefined);
    this.#isOver = true;
    this.#write(this.#response.trailers() ?? NO_TRAILERS);
    this.#events.sent(this.#closes);
  }

  /** Sends what waits once all is done that goes on without the event loop: the guest may be about to end the body. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(this.#settle);
  }

  /** Comes when the guest waits or is back; mostly all is sent by then. */
  readonly #settle = (): void => {
    // A tick that is asked for among the microtasks comes when none of them is left.
    if (this.#isOver) this.#isScheduled = false;
    else process.nextTick(this.#flushScheduled);
  };

  readonly #flushScheduled = (): void => {
    this.#isScheduled = false;
    if (!this.#isOver) this.#flush();
  };

  #flush(): void {
    if (!this.hasBegun || this.#waitingBytes > 0) this.#write(undefined);
  }

  /** Writes the head, if it is not written, and what waits of the body; `trailers` says that nothing more comes. */
  #write(trailers: readonly HeaderLine[] | undefined): void {
    const parts: (Uint8Array | string)[] = [];
    if (this.#framing === undefined) {
      const length = this.#knownLength(trailers);
      this.#framing = this.#chooseFraming(length);
      this.#closes = this.#framing === "close" || !this.#request.keepsAlive || this.#outlet.mustClose;
      parts.push(
        formatHead(this.#response.status, this.#response.headers, {
          framing: this.#framing,
          length: this.#declaredBytes === undefined ? length : undefined,
          closes: this.#closes,
        }),
      );
    }
    const isChunked = this.#framing === "chunked";
    if (isChunked && this.#waitingBytes > 0) parts.push(`${this.#waitingBytes.toString(16)}\r\n`);
    for (const chunk of this.#waiting) parts.push(chunk); // too many to be arguments
    if (isChunked && this.#waitingBytes > 0) parts.push("\r\n");
    if (isChunked && trailers !== undefined) parts.push(`0\r\n${formatFields(trailers)}\r\n`);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (parts.length > 0) this.#outlet.write(parts);
  }

  /** The body's length, where it is known before the head is sent; a body with trailers has to be chunked. */
  #knownLength(trailers: readonly HeaderLine[] | undefined): number | undefined {
    if (!this.#hasBody) return undefined;
    if (this.#declaredBytes !== undefined) return this.#declaredBytes;
    return trailers !== undefined && trailers.length === 0 ? this.#bodyBytes : undefined;
  }

  #chooseFraming(length: number | undefined): Framing {
    if (!this.#hasBody) return "none";
    if (length !== undefined) return "length";
    return this.#request.version === "1.1" ? "chunked" : "close";
  }
}

const NO_TRAILERS: readonly HeaderLine[] = [];

/** The length that the headers say, undefined without one; NaN when it is none, or said twice. */
function lengthIn(headers: readonly HeaderLine[]): number | undefined {
  let length: number | undefined;
  for (const [name, value] of headers) {
    if (!isContentLength(name)) continue;
    const text = textOf(value);
    length = length === undefined && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  }
  return length;
}
