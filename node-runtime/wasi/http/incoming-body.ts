import { WasiError } from "../errors.ts";
import type { ByteSource } from "../io/byte-source.ts";
import { InputStream } from "../io/input-stream.ts";
import type { Pollable } from "../io/pollable.ts";
import type { Scope } from "../scope.ts";
import { errorCodeOf, HttpFailure } from "./error-code.ts";
import type { FieldEntry } from "./field-rules.ts";
import { Fields } from "./fields.ts";
import { Future, type FutureResult } from "./future.ts";

/** How much of a body nobody wants is taken at once on the way to its trailers. */
const DRAIN_BYTES = 64 * 1024;

/** A received message's body and what follows it. The source is closed once, at the latest with the scope. */
export class ReceivedBody {
  readonly scope: Scope;
  readonly source: ByteSource;
  /** Settles at the body's end; undefined means none. */
  readonly trailers: () => Promise<readonly FieldEntry[] | undefined>;
  #forget: (() => void) | undefined;
  #closed = false;

  constructor(scope: Scope, source: ByteSource, trailers: ReceivedBody["trailers"]) {
    this.scope = scope;
    this.source = source;
    this.trailers = trailers;
    if (source.close !== undefined) this.#forget = scope.defer(() => this.close());
  }

  /** Says once that nobody reads on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget?.();
    this.source.close?.();
  }
}

/** `wasi:http/types` resource `incoming-body`: its stream, then its trailers. */
export class IncomingBody {
  readonly #body: ReceivedBody;
  #stream: "untaken" | "open" | "dropped" = "untaken";
  #finished = false;

  constructor(body: ReceivedBody) {
    this.#body = body;
  }

  /** Returns the body's stream; at most once. */
  stream(): InputStream {
    if (this.#stream !== "untaken") throw new WasiError(undefined);
    this.#stream = "open";
    return new InputStream(this.#body.scope, this.#streamSource());
  }

  /** Reads what is left of the body without keeping it and returns the future of its trailers. */
  static finish(body: IncomingBody): FutureTrailers {
    body.#assertStreamDropped("incoming-body.finish");
    body.#finished = true;
    return new FutureTrailers(body.#body);
  }

  /** Drop: nobody reads on. */
  [Symbol.dispose](): void {
    if (this.#finished) return;
    this.#assertStreamDropped("incoming-body drop");
    this.#body.close();
  }

  #assertStreamDropped(what: string): void {
    if (this.#stream === "open") throw new Error(`${what}: its input-stream is still alive`);
  }

  /** The source as the stream sees it: dropping the stream leaves the body open for its trailers. */
  #streamSource(): ByteSource {
    const { source } = this.#body;
    return {
      take(max) {
        try {
          return source.take(max);
        } catch (failure) {
          throw failure instanceof HttpFailure ? failure : new HttpFailure(errorCodeOf(failure), failure);
        }
      },
      subscribe: (wake) => source.subscribe(wake),
      close: () => {
        this.#stream = "dropped";
      },
    };
  }
}

/** `wasi:http/types` resource `future-trailers`. */
export class FutureTrailers {
  readonly #body: ReceivedBody;
  readonly #future: Future<Fields | undefined>;

  constructor(body: ReceivedBody) {
    this.#body = body;
    this.#future = new Future(
      body.scope,
      readTrailers(body).then((entries) => entries && Fields.received(entries)),
    );
  }

  /** A pollable that is ready once the trailers are there, or it is known that there are none. */
  subscribe(): Pollable {
    return this.#future.subscribe();
  }

  /** Returns undefined while they are awaited, then the trailers, if any; once. */
  get(): FutureResult<Fields | undefined> | undefined {
    return this.#future.get();
  }

  /** Drop: nobody waits for them. */
  [Symbol.dispose](): void {
    this.#body.close();
  }
}

/** Reads what is left of the body without keeping it and resolves to its trailers; rejects with why the body failed. */
export async function readTrailers(body: ReceivedBody): Promise<readonly FieldEntry[] | undefined> {
  const { scope, source } = body;
  for (let chunk = source.take(DRAIN_BYTES); chunk !== null; chunk = source.take(DRAIN_BYTES)) {
    if (chunk === undefined) await scope.wait((wake) => source.subscribe(wake));
  }
  const entries = await scope.race(body.trailers());
  body.close();
  return entries;
}
