import type { IncomingMessage, ServerResponse } from "node:http";

/** Bytes that may wait for a slow client before 1xx responses are dropped: nothing holds the guest back here. */
const MAX_WAITING_BYTES = 64 * 1024;

/** A 1xx response; its headers as the guest gave them. */
export interface Informational {
  status: number;
  headers: readonly (readonly [string, Uint8Array])[];
}

/**
 * Sends a 1xx response ahead of the answer. It is optional to the client, so it is dropped where it cannot be sent: in
 * HTTP/1.0 (RFC 9110 section 15.2), behind the answer's head, or when the client reads too slowly, which calls `onLimit`.
 */
export function sendInformational(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers }: Informational,
  onLimit: () => void,
): void {
  if (response.headersSent || request.httpVersion !== "1.1") return;
  if (response.writableLength > MAX_WAITING_BYTES) return onLimit();
  // Not `writeEarlyHints`, which drops hints without a link and throws when it does not like one. Node.js 24 lacks this.
  response.writeInformation?.(
    status,
    headers.flatMap(([name, value]) => [name, Buffer.from(value).toString("latin1")]),
  );
}

/** Asks a client that waits for it (`Expect: 100-continue`) to send the request's body. */
export function continueExpected(request: IncomingMessage, response: ServerResponse): void {
  // RFC 9110 section 10.1.1: not to HTTP/1.0.
  if (request.httpVersion === "1.1" && request.headers.expect !== undefined) response.writeContinue();
}
