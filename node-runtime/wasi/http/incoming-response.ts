import { WasiError } from "../errors.ts";
import type { FieldEntry } from "./field-rules.ts";
import { Fields } from "./fields.ts";
import { IncomingBody, type ReceivedBody } from "./incoming-body.ts";

/** `wasi:http/types` resource `incoming-response`. */
export class IncomingResponse {
  readonly #status: number;
  readonly #entries: readonly FieldEntry[];
  readonly #body: ReceivedBody;
  #headers: Fields | undefined;
  #consumed = false;

  constructor(status: number, entries: readonly FieldEntry[], body: ReceivedBody) {
    this.#status = status;
    this.#entries = entries;
    this.#body = body;
  }

  status(): number {
    return this.#status;
  }

  /** The headers, immutable, without those about the connection. */
  headers(): Fields {
    this.#headers ??= Fields.received(this.#entries);
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
