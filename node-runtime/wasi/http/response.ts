import { WasiError } from "../errors.ts";
import { BytePipe } from "../io/byte-pipe.ts";
import type { Scope } from "../scope.ts";
import { HttpError, type ErrorCode } from "./error-code.ts";
import type { FieldEntry } from "./field-rules.ts";
import type { Fields } from "./fields.ts";
import type { HttpResult } from "./future.ts";
import { declaredBytesOf, OutgoingBody, SentBody, type BodyKind } from "./outgoing-body.ts";

/** How a response's body tells its failures. */
export const RESPONSE_BODY: BodyKind = {
  sizeTag: "HTTP-response-body-size",
  abandoned: { tag: "HTTP-response-incomplete" },
};

/** What a guest answered through its `response-outparam`. */
export type ResponseOutcome =
  | {
      kind: "response";
      status: number;
      headers: FieldEntry[];
      /** Ended when the guest finished the body; fails when it gave up: what was sent so far must be aborted then. */
      body: BytePipe;
      /** What follows the body, known at its end; undefined means nothing. */
      trailers(): readonly FieldEntry[] | undefined;
    }
  | { kind: "error"; error: ErrorCode };

/** Called for each 1xx response that the guest sends before its answer. */
export type OnInformational = (status: number, headers: FieldEntry[]) => void;

/** `wasi:http/types` resource `outgoing-response`. */
export class OutgoingResponse {
  readonly #scope: Scope;
  readonly #headers: Fields;
  #status = 200;
  #body: SentBody | undefined;

  constructor(scope: Scope, headers: Fields) {
    this.#scope = scope;
    this.#headers = headers.freeze();
  }

  statusCode(): number {
    return this.#status;
  }

  /** Fails unless it is a final status: 1xx would leave the client waiting. */
  setStatusCode(status: number): void {
    if (status < 200 || status > 999) throw new WasiError(undefined);
    this.#status = status;
  }

  headers(): Fields {
    return this.#headers;
  }

  /** Returns the body; at most once. */
  body(): OutgoingBody {
    if (this.#body !== undefined) throw new WasiError(undefined);
    this.#body = new SentBody(RESPONSE_BODY, declaredBytesOf(this.#headers));
    return new OutgoingBody(this.#scope, this.#body);
  }

  /** What to send; the body is empty when the guest never asked for it. */
  outcome(): ResponseOutcome {
    return {
      kind: "response",
      status: this.#status,
      headers: this.#headers.entries(),
      body: this.#body?.pipe ?? emptyBody(),
      trailers: () => this.#body?.trailers,
    };
  }

  /** Drop without having been sent: whoever writes the body learns that nobody reads it. */
  [Symbol.dispose](): void {
    this.#body?.pipe.cancel();
  }
}

/** `wasi:http/types` resource `response-outparam`. */
export class ResponseOutparam {
  readonly #answer: (outcome: ResponseOutcome) => void;
  readonly #onInformational: OnInformational | undefined;
  #set = false;

  constructor(answer: (outcome: ResponseOutcome) => void, onInformational?: OnInformational) {
    this.#answer = answer;
    this.#onInformational = onInformational;
  }

  /** True once the guest answered. A guest that returned without answering never will. */
  get isSet(): boolean {
    return this.#set;
  }

  /** Answers the request: a response, or the error that kept the guest from one. */
  static set(param: ResponseOutparam, response: HttpResult<{ outcome(): ResponseOutcome }>): void {
    if (param.#set) throw new Error("response-outparam.set: it is set already");
    param.#set = true;
    param.#answer(response.tag === "ok" ? response.val.outcome() : { kind: "error", error: response.val });
  }

  /** Sends a 1xx response ahead of the answer; 101 is not one that a guest can mean. */
  sendInformational(status: number, headers: Fields): void {
    if (status < 100 || status > 199 || status === 101) {
      throw new HttpError({ tag: "HTTP-protocol-error" });
    }
    this.#onInformational?.(status, headers.entries());
  }
}

function emptyBody(): BytePipe {
  const pipe = new BytePipe();
  pipe.end();
  return pipe;
}
