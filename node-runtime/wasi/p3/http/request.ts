import type { IncomingRequest } from "../../http/incoming.ts";
import type { Method, Scheme } from "../../http/method.ts";
import { OutgoingRequest, REQUEST_BODY } from "../../http/outgoing-request.ts";
import type { Scope } from "../../scope.ts";
import type { GuestStream } from "../streams.ts";
import {
  madeContents,
  OwnedContents,
  receivedContents,
  type Consumed,
  type Contents,
  type TrailersFuture,
  type Transmission,
} from "./contents.ts";
import { Fields } from "./fields.ts";
import type { RequestOptions } from "./request-options.ts";

/** `wasi:http/types` resource `request` of WASI 0.3: one the guest received, or one it makes. */
export class Request {
  readonly #head: OutgoingRequest;
  readonly #headers: Fields;
  readonly #options: RequestOptions | undefined;
  readonly #contents: OwnedContents;

  private constructor(scope: Scope, headers: Fields, contents: Contents, options?: RequestOptions) {
    this.#head = new OutgoingRequest(scope, headers);
    this.#headers = headers;
    this.#contents = new OwnedContents(contents);
    this.#options = options?.freeze();
  }

  /** Returns a received request; its body is closed with `scope` at the latest. */
  static received(scope: Scope, incoming: IncomingRequest): Request {
    const headers = Fields.received(incoming.headers().entries());
    const request = new Request(scope, headers, receivedContents(scope, incoming.takeBody()));
    request.#head.copyLine(incoming);
    return request;
  }

  /** Returns a request of the guest's and the future of its transmission. */
  static make(
    scope: Scope,
    headers: Fields,
    stream: GuestStream | undefined,
    trailers: TrailersFuture,
    options: RequestOptions | undefined,
  ): [Request, Promise<Transmission>] {
    const [contents, transmission] = madeContents(scope, stream, trailers);
    return [new Request(scope, headers, contents, options), transmission];
  }

  /** Gives body and trailers to the guest, which ends the request. */
  static consumeBody(request: Request, result: PromiseLike<Transmission>): Consumed {
    return request.#contents.consume(result);
  }

  getMethod(): Method {
    return this.#head.method();
  }

  setMethod(method: Method): void {
    this.#head.setMethod(method);
  }

  getPathWithQuery(): string | undefined {
    return this.#head.pathWithQuery();
  }

  setPathWithQuery(pathWithQuery: string | undefined): void {
    this.#head.setPathWithQuery(pathWithQuery);
  }

  getScheme(): Scheme | undefined {
    return this.#head.scheme();
  }

  setScheme(scheme: Scheme | undefined): void {
    this.#head.setScheme(scheme);
  }

  getAuthority(): string | undefined {
    return this.#head.authority();
  }

  setAuthority(authority: string | undefined): void {
    this.#head.setAuthority(authority);
  }

  getOptions(): RequestOptions | undefined {
    return this.#options;
  }

  getHeaders(): Fields {
    return this.#headers;
  }

  /** Gives the request to the sender: its line and headers with a body, and what must run to fill that body. */
  takeForSending(): { head: OutgoingRequest; sendContents: () => Promise<void> } {
    const { body, sendContents } = this.#contents.send(REQUEST_BODY, this.#headers);
    this.#head.setBody(body);
    return { head: this.#head, sendContents };
  }

  /** Drop: nobody wants its body. */
  [Symbol.dispose](): void {
    this.#contents[Symbol.dispose]();
  }
}
