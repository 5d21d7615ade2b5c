import { WasiError } from "../../errors.ts";
import type { IncomingResponse } from "../../http/incoming-response.ts";
import { RESPONSE_BODY, type ResponseOutcome } from "../../http/response.ts";
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

/** `wasi:http/types` resource `response` of WASI 0.3: one the guest received, or one it makes. */
export class Response {
  readonly #headers: Fields;
  #status: number;
  readonly #contents: OwnedContents;

  private constructor(status: number, headers: Fields, contents: Contents) {
    this.#status = status;
    this.#headers = headers.freeze();
    this.#contents = new OwnedContents(contents);
  }

  /** Returns a received response; its body is closed with `scope` at the latest. */
  static received(scope: Scope, incoming: IncomingResponse): Response {
    const headers = Fields.received(incoming.headers().entries());
    return new Response(incoming.status(), headers, receivedContents(scope, incoming.takeBody()));
  }

  /** Returns a response of the guest's with status 200, and the future of its transmission. */
  static make(
    scope: Scope,
    headers: Fields,
    stream: GuestStream | undefined,
    trailers: TrailersFuture,
  ): [Response, Promise<Transmission>] {
    const [contents, transmission] = madeContents(scope, stream, trailers);
    return [new Response(200, headers, contents), transmission];
  }

  /** Gives body and trailers to the guest, which ends the response. */
  static consumeBody(response: Response, result: PromiseLike<Transmission>): Consumed {
    return response.#contents.consume(result);
  }

  getStatusCode(): number {
    return this.#status;
  }

  /** Fails unless it is a final status: 1xx would leave the client waiting. */
  setStatusCode(status: number): void {
    if (status < 200 || status > 999) throw new WasiError(undefined);
    this.#status = status;
  }

  getHeaders(): Fields {
    return this.#headers;
  }

  /** Gives the response to the sender: what to send, and what must run to fill its body. */
  takeForSending(): { outcome: ResponseOutcome; sendContents: () => Promise<void> } {
    const { body, sendContents } = this.#contents.send(RESPONSE_BODY, this.#headers);
    const headers = this.#headers.entries();
    return {
      outcome: { kind: "response", status: this.#status, headers, body: body.pipe, trailers: () => body.trailers },
      sendContents,
    };
  }

  /** Drop: nobody wants its body. */
  [Symbol.dispose](): void {
    this.#contents[Symbol.dispose]();
  }
}
