import { WasmletError } from "../../common/errors.ts";
import type { RawFields, RequestBody } from "../http1/request-body.ts";
import type { FieldEntry } from "../wasi/http/field-rules.ts";
import { EMPTY_SOURCE, type ByteSource } from "../wasi/io/byte-source.ts";

/** A request without a body, as a guest sees it: no bytes and no trailers. */
export const NO_BODY = {
  ...EMPTY_SOURCE,
  trailers: (): Promise<FieldEntry[] | undefined> => Promise.resolve(undefined),
};

/** A request's body as a guest reads it, bounded. */
export class GuestRequestBody implements ByteSource {
  readonly #body: RequestBody;
  readonly #maxBytes: number;
  readonly #onTooLarge: (error: WasmletError) => void;
  #bytes = 0;
  #failure: WasmletError | undefined;

  constructor(body: RequestBody, maxBytes: number, onTooLarge: (error: WasmletError) => void) {
    this.#body = body;
    this.#maxBytes = maxBytes;
    this.#onTooLarge = onTooLarge;
  }

  /** Settles at the body's end; undefined means none. */
  readonly trailers = async (): Promise<FieldEntry[] | undefined> => {
    const fields = await this.#body.trailers;
    return fields.length === 0 ? undefined : fieldsOf(fields);
  };

  take(max: number): Uint8Array | undefined | null {
    if (this.#failure !== undefined) throw this.#failure;
    const chunk = this.#body.take(max);
    if (chunk === undefined || chunk === null) return chunk;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#maxBytes) return chunk;
    this.#failure = bodyTooLarge(this.#maxBytes);
    this.#onTooLarge(this.#failure);
    throw this.#failure;
  }

  subscribe(wake: () => void): () => void {
    return this.#body.subscribe(wake);
  }

  close(): void {
    this.#body.close();
  }
}

/** Returns the error of a request whose body is too large. */
export function bodyTooLarge(maxBytes: number): WasmletError {
  return new WasmletError("REQUEST_BODY_TOO_LARGE", `the request's body is larger than ${maxBytes} bytes`, {
    expected: `at most ${maxBytes} bytes`,
  });
}

/** Returns names and values in turn as the guest gets them: names in the casing given, values as bytes. */
export function fieldsOf(rawFields: RawFields): FieldEntry[] {
  const fields: FieldEntry[] = [];
  for (let index = 0; index < rawFields.length; index += 2) {
    fields.push([rawFields[index]!, Buffer.from(rawFields[index + 1]!, "latin1")]);
  }
  return fields;
}
