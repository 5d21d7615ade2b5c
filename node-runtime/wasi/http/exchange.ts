import { request as openRequest, type ClientRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../clocks/clock.ts";
import type { Scope } from "../scope.ts";
import { sendBody } from "./body-sender.ts";
import { errorCodeOf, HttpFailure } from "./error-code.ts";
import { MAX_FIELDS_BYTES, MAX_FIELDS_COUNT } from "./field-rules.ts";
import type { Fields } from "./fields.ts";
import { framingOf } from "./framing.ts";
import { ReceivedBody } from "./incoming-body.ts";
import { IncomingResponse } from "./incoming-response.ts";
import { entriesOf, MessageSource, rawHeadersOf } from "./message-source.ts";
import type { SentBody } from "./outgoing-body.ts";
import type { RequestTarget } from "./target.ts";

/** One request to be sent over a connection of its own. */
export interface ExchangeOptions {
  scope: Scope;
  clock: Clock;
  target: RequestTarget;
  headers: Fields;
  body: SentBody | undefined;
  firstByteMs: number;
  betweenBytesMs: number;
}

/**
 * Sends a request over a connected socket and resolves to its response as soon as the head is there; both bodies go on
 * after that. Redirects are the guest's to follow. The socket is closed at the end. Rejects with what went wrong.
 */
export function exchange(socket: Socket, options: ExchangeOptions): Promise<IncomingResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingResponse>();
  const fail = (reason: unknown): void => {
    reject(reason);
    socket.destroy();
  };
  // A late error of the socket has no other listener.
  socket.on("error", fail);
  try {
    // A socket that died since it was connected would never say so to the request.
    if (socket.destroyed) throw new HttpFailure({ tag: "connection-terminated" });
    const framing = framingOf(options.target.method, options.headers, options.body);
    const request = startRequest(socket, options, framing.headers);
    const disarm = options.clock.after(options.firstByteMs, () =>
      fail(new HttpFailure({ tag: "connection-read-timeout" })),
    );
    request.on("error", fail);
    request.once("upgrade", () => fail(new HttpFailure({ tag: "HTTP-upgrade-failed" })));
    request.once("response", (message) => {
      disarm();
      resolve(receivedResponse(message, options));
    });
    request.once("close", () => {
      disarm();
      fail(new HttpFailure({ tag: "connection-terminated" }));
      options.body?.pipe.cancel();
    });
    sendOrEnd(request, framing.hasBody ? options.body : undefined).catch(fail);
    if (!framing.hasBody) options.body?.pipe.cancel();
  } catch (error) {
    fail(error instanceof HttpFailure ? error : new HttpFailure(errorCodeOf(error), error));
  }
  return promise;
}

function startRequest(socket: Socket, { target, headers }: ExchangeOptions, framing: string[]): ClientRequest {
  const request = openRequest({
    createConnection: () => socket,
    method: target.method,
    path: target.path,
    headers: ["Host", target.authority, ...rawHeadersOf(headers.entries()), ...framing, "Connection", "close"],
    maxHeaderSize: MAX_FIELDS_BYTES,
    insecureHTTPParser: false,
  });
  request.maxHeadersCount = MAX_FIELDS_COUNT;
  return request;
}

async function sendOrEnd(request: ClientRequest, body: SentBody | undefined): Promise<void> {
  if (body === undefined) return void request.end();
  // The server may answer before the guest writes anything.
  if (body.pipe.queuedBytes === 0) request.flushHeaders();
  await sendBody(request, body);
}

function receivedResponse(message: IncomingMessage, options: ExchangeOptions): IncomingResponse {
  const source = new MessageSource(message, options.clock, options.betweenBytesMs);
  const body = new ReceivedBody(options.scope, source, () => source.trailers);
  return new IncomingResponse(message.statusCode ?? 0, entriesOf(message.rawHeaders), body);
}
