import { WasiError } from "../errors.ts";
import type { ByteSource } from "../io/byte-source.ts";
import type { Scope } from "../scope.ts";
import type { FieldEntry } from "./field-rules.ts";
import { Fields } from "./fields.ts";
import { IncomingBody, ReceivedBody } from "./incoming-body.ts";
import { methodOf, schemeOf, type Method, type Scheme } from "./method.ts";

/** A request as the trigger received it. */
export interface IncomingRequestInit {
  /** As on the wire: `GET`. */
  method: string;
  scheme: "http" | "https";
  /** The Host header or `:authority`. */
  authority: string | undefined;
  pathWithQuery: string | undefined;
  /** Asked for when the guest looks at them. */
  headers(): readonly FieldEntry[];
  body: ByteSource;
  /** Settles when the body is at its end; undefined means none. */
  trailers(): Promise<readonly FieldEntry[] | undefined>;
}

/** `wasi:http/types` resource `incoming-request`. */
export class IncomingRequest {
  readonly #init: IncomingRequestInit;
  readonly #body: ReceivedBody;
  #headers: Fields | undefined;
  #consumed = false;

  constructor(init: IncomingRequestInit, body: ReceivedBody) {
    this.#init = init;
    this.#body = body;
  }

  method(): Method {
    return methodOf(this.#init.method);
  }

  pathWithQuery(): string | undefined {
    return this.#init.pathWithQuery;
  }

  scheme(): Scheme | undefined {
    return schemeOf(this.#init.scheme);
  }

  authority(): string | undefined {
    return this.#init.authority;
  }

  /** The headers, immutable, without those about the connection. */
  headers(): Fields {
    this.#headers ??= Fields.received(this.#init.headers());
    return this.#headers;
  }

  /** Returns the body; at most once. */
  consume(): IncomingBody {
    return new IncomingBody(this.takeBody());
  }

  /** Gives the body away; at most once. */
  takeBody(): ReceivedBody {
    if (this.#consumed) throw new WasiError(undefined);
    this.#consumed = true;
    return this.#body;
  }

  /** Drop: a body that was not consumed is not wanted. */
  [Symbol.dispose](): void {
    if (!this.#consumed) this.#body.close();
  }
}

/** Returns a received request as the guest's `incoming-request`. Its body source is closed with `scope` at the latest. */
export function createIncomingRequest(scope: Scope, init: IncomingRequestInit): IncomingRequest {
  return new IncomingRequest(init, new ReceivedBody(scope, init.body, () => init.trailers()));
}
