import { HttpFailure } from "./error-code.ts";
import type { Fields } from "./fields.ts";
import type { SentBody } from "./outgoing-body.ts";

/** How a request's body is delimited: header lines to add, as a flat list, and whether there is one to send. */
export interface Framing {
  headers: string[];
  hasBody: boolean;
}

/** Methods whose requests say that they have no body. */
const METHODS_WITH_BODY: ReadonlySet<string> = new Set(["PATCH", "POST", "PUT"]);

/** Methods whose requests have no body unless the guest already wrote to it. */
const METHODS_WITHOUT_BODY: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * Decides the framing when the head is about to be sent. A body that is complete by then goes with its length; one
 * still being written is chunked. Guests often leave the body of a GET open: nothing written counts as none, as with
 * other runtimes, because waiting for it would wait for ever.
 */
export function framingOf(method: string, headers: Fields, body: SentBody | undefined): Framing {
  if (headers.has("content-length")) return declaredFraming(headers, body);
  const emptyHeaders = METHODS_WITH_BODY.has(method) ? ["Content-Length", "0"] : [];
  if (body === undefined) return { headers: emptyHeaders, hasBody: false };
  const { queuedBytes } = body.pipe;
  if (body.isFinished && !body.hasTrailers) {
    return queuedBytes === 0
      ? { headers: emptyHeaders, hasBody: true }
      : { headers: ["Content-Length", String(queuedBytes)], hasBody: true };
  }
  if (!body.isFinished && queuedBytes === 0 && METHODS_WITHOUT_BODY.has(method)) return { headers: [], hasBody: false };
  return { headers: ["Transfer-Encoding", "chunked"], hasBody: true };
}

function declaredFraming(headers: Fields, body: SentBody | undefined): Framing {
  if (body !== undefined) return { headers: [], hasBody: true };
  const isZero = headers.get("content-length").every((value) => Number(Buffer.from(value).toString("latin1")) === 0);
  if (!isZero) throw new HttpFailure({ tag: "HTTP-request-body-size", val: 0n });
  return { headers: [], hasBody: false };
}
