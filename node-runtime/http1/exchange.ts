import type { Refusal } from "./connection-owner.ts";
import type { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { formatHead, formatInformational, hasBody, type HeaderLine } from "./response-head.ts";
import { ResponseSender, type Outlet, type Response } from "./response-sender.ts";

/** Bytes that may wait for a slow client before 1xx responses are dropped: nothing holds their sender back. */
const MAX_INFORMATIONAL_BYTES = 64 * 1024;

/** The connection under an exchange. */
export interface ExchangeChannel extends Outlet {
  /** Bytes that the system has not taken yet. */
  readonly waitingBytes: number;
  /** The client's address and port, as `127.0.0.1:40000` or `[::1]:40000`. */
  readonly clientAddress: string;
  /** The response is written; `closes` when it said that the connection ends. */
  finish(closes: boolean): void;
  /** Cuts the connection. */
  cut(): void;
}

/** Told how an exchange goes, by whoever serves it. */
export interface ExchangeObserver {
  /** The client left, or the connection was cut, before the response was written. */
  gone(why: string): void;
  /** The response's body failed, or is not as long as its headers say (`undefined`). What was not begun can be answered otherwise. */
  failed(failure: unknown): void;
  /** The exchange is over, well or not: nothing is called after this. */
  over(): void;
}

/** One request and its response. */
export class Exchange {
  readonly request: RequestHead;
  /** Undefined when the request has none. */
  readonly body: RequestBody | undefined;
  /** When it was read, by `performance.now()`. */
  readonly arrivedMs = performance.now();
  observer: ExchangeObserver | undefined;
  /** The body is read after the response is complete, until it is closed by whoever serves. */
  keepsBody = false;
  readonly #channel: ExchangeChannel;
  #sender: ResponseSender | undefined;
  #response: Response | undefined;
  #status = 0;
  #isOver = false;

  constructor(request: RequestHead, body: RequestBody | undefined, channel: ExchangeChannel) {
    this.request = request;
    this.body = body;
    this.#channel = channel;
  }

  /** The status that was sent, 0 before that. */
  get status(): number {
    return this.#status;
  }

  /** True once another response cannot be sent any more. */
  get hasBegun(): boolean {
    return this.#isOver || this.#sender?.hasBegun === true;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The client's address and port, as `127.0.0.1:40000` or `[::1]:40000`. */
  get clientAddress(): string {
    return this.#channel.clientAddress;
  }

  /** True when the end of the connection tells the client that the response is complete. */
  get endsWithConnection(): boolean {
    return this.#sender?.framing === "close";
  }

  /** Sends a response as its body comes. */
  respond(response: Response): void {
    if (this.#isOver) return;
    this.#status = response.status;
    this.#response = response;
    this.#sender = new ResponseSender(this.request, response, this.#channel, {
      sent: (closes) => this.#finish(closes),
      failed: (failure) => this.observer?.failed(failure),
    });
    this.#sender.start();
  }

  /** Sends a whole response instead of one that has not begun. It ends the connection unless it says otherwise. */
  answer({ status, headers, body, keepsConnection = false }: Refusal): void {
    if (this.hasBegun) return;
    this.#sender?.stop();
    this.#response?.body.cancel();
    this.#status = status;
    const length = Buffer.byteLength(body);
    const closes = !keepsConnection || this.#mustClose;
    const head = formatHead(status, headers, { framing: "length", length, closes });
    this.#channel.write(hasBody(this.request, status) ? [head, Buffer.from(body)] : [head]);
    this.#finish(closes);
  }

  /** Besides what others wish: a client that was not asked for its body may send it or not (RFC 9110 section 10.1.1). */
  get #mustClose(): boolean {
    return !this.request.keepsAlive || this.request.expectsContinue || this.#channel.mustClose;
  }

  /** Sends a 1xx response ahead of the response; false when the client reads too slowly to be sent it. */
  inform(status: number, headers: readonly HeaderLine[]): boolean {
    // Not to HTTP/1.0 (RFC 9110 section 15.2).
    if (this.hasBegun || this.request.version !== "1.1") return true;
    if (this.#channel.waitingBytes > MAX_INFORMATIONAL_BYTES) return false;
    this.#channel.write([formatInformational(status, headers)]);
    return true;
  }

  /** Cuts the connection: what was sent must not look complete. */
  cut(): void {
    if (!this.#isOver) this.#channel.cut();
  }

  /** The client takes more; for the connection. */
  resume(): void {
    this.#sender?.pump();
  }

  /** The connection is lost; for the connection. */
  lose(why: string): void {
    if (this.#isOver) return;
    this.#end();
    this.body?.fail(new Error(why));
    this.#response?.body.cancel();
    this.observer?.gone(why);
    this.observer?.over();
  }

  #finish(closes: boolean): void {
    this.#end();
    this.#channel.finish(closes);
    this.observer?.over();
  }

  #end(): void {
    this.#isOver = true;
    this.#sender?.stop();
  }
}
