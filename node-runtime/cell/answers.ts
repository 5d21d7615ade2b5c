import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { ERROR_CODES, type ErrorCode } from "../../common/error-codes.ts";

/** The status that each error of a request is answered with. */
const ERROR_STATUS: Partial<Record<ErrorCode, number>> = {
  REQUEST_AMBIGUOUS: 400,
  REQUEST_MALFORMED: 400,
  REQUEST_BODY_TOO_LARGE: 413,
  REQUEST_EXPECTATION: 417,
  REQUEST_HEADERS_TOO_LARGE: 431,
  REQUEST_METHOD: 501,
  REQUEST_OVERLOADED: 503,
  GUEST_ERROR: 502,
  GUEST_NO_RESPONSE: 502,
  GUEST_RESPONSE_INCOMPLETE: 502,
  GUEST_START_TRAPPED: 502,
  GUEST_TRAPPED: 502,
  GUEST_TIMEOUT: 504,
};

/** The status of an error answer; 500 for what is not the client's or the guest's doing. */
function statusOf(code: ErrorCode): number {
  return ERROR_STATUS[code] ?? 500;
}

/** How long a client that is still sending gets to read an error and stop, before its connection is closed. */
const LINGER_MS = 2000;

/**
 * Answers with an error that a person and a program can read; ends the connection, whose state is uncertain. What the
 * client still sends is thrown away meanwhile: closing on unread bytes resets the connection, and the answer is lost.
 */
export function sendError(response: ServerResponse, code: ErrorCode, message: string): void {
  const body = errorBody(code, message);
  // Those of a guest that gave up may be there: they describe another body.
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(statusOf(code), {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-wasmlet-error": code,
    ...(code === "REQUEST_OVERLOADED" && { "retry-after": "1" }),
    connection: "close",
  });
  const { req: request, socket } = response;
  if (request.complete || socket === null) return void response.end(body);
  response.write(body);
  socket.end();
  discardRest(request, () => response.destroy());
}

/** Reads what still comes of a request's body; calls back once it ended, the client is gone or the time is over. */
function discardRest(request: IncomingMessage, done: () => void): void {
  const timer = setTimeout(done, LINGER_MS).unref();
  const end = (): void => {
    clearTimeout(timer);
    done();
  };
  request.once("end", end).once("close", end);
  const discard = (): void => {
    while (request.read() !== null);
  };
  request.on("readable", discard);
  discard();
}

/** Answers what Node's parser refused before there was a request. */
export function sendRawError(socket: Socket, code: ErrorCode, message: string): void {
  if (!socket.writable) return;
  const body = errorBody(code, message);
  const status = statusOf(code);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `x-wasmlet-error: ${code}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function errorBody(code: ErrorCode, message: string): string {
  return `${JSON.stringify({ code, message, fix: ERROR_CODES[code].fix })}\n`;
}
