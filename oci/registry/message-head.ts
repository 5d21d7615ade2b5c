import { validateHeaderName, validateHeaderValue } from "node:http";
import { WasmletError } from "../../common/errors.ts";

/* The heads of an HTTP/1.1 GET and of its response (RFC 9112): what a connection of our own has to write and to read. */

/** The head of a response. */
export interface ResponseHead {
  status: number;
  /** Values by name in lower case, in the order in which they came. */
  headers: ReadonlyMap<string, string[]>;
  /** How long the body is; undefined where it says so in another way, or by ending. */
  contentLength: number | undefined;
}

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\r\n]*?)[ \t]*$/;
const MAX_FIELDS = 256;

/** Returns the head of a GET after which the server ends the connection. Throws on names and values that no header has. */
export function writeRequestHead(url: URL, headers: Readonly<Record<string, string>>): string {
  const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`, "connection: close"];
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    lines.push(`${name}: ${value}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Reads the head of a response, without the empty line; throws OCI_RESPONSE_INVALID. */
export function readResponseHead(text: string, where: string): ResponseHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, status] = STATUS_LINE.exec(first) ?? [];
  if (status === undefined) throw badResponse("a status line of HTTP/1.1", first, where);
  if (lines.length > MAX_FIELDS) throw badResponse(`at most ${MAX_FIELDS} header fields`, `${lines.length}`, where);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) throw badResponse("a header field", line, where);
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  return { status: Number(status), headers, contentLength: lengthOf(Number(status), headers, where) };
}

/** Returns the error of a response that is none. */
export function badResponse(expected: string, actual: string, where: string): WasmletError {
  const message = "the registry answers with something that is not HTTP as it should be";
  return new WasmletError("OCI_RESPONSE_INVALID", message, {
    where,
    expected,
    actual: JSON.stringify(actual.slice(0, 80)),
  });
}

function lengthOf(status: number, headers: ReadonlyMap<string, string[]>, where: string): number | undefined {
  if (status < 200 || status === 204 || status === 304) return 0;
  const values = headers.get("content-length");
  if (values === undefined) return undefined;
  const [length = ""] = values;
  // Two lengths that differ are how messages are smuggled (RFC 9112, 6.3).
  if (!/^\d{1,15}$/.test(length) || values.some((other) => other !== length)) {
    throw badResponse("one Content-Length", values.join(", "), where);
  }
  return Number(length);
}
