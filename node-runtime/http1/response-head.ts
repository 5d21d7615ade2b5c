import { STATUS_CODES } from "node:http";
import type { RequestHead } from "./request-head.ts";

/** How long an idle connection is kept; clients are told. */
export const KEEP_ALIVE_SECONDS = 65;

/** One header line: its name, and its value as bytes or as text in which each character is one byte. */
export type HeaderLine = readonly [name: string, value: Uint8Array | string];

/** How the end of a response's body is told (RFC 9112 section 6.3). */
export type Framing = "none" | "length" | "chunked" | "close";

/** What a response head says besides the headers that it was given. */
export interface HeadOptions {
  framing: Framing;
  /** The body's length where the headers do not say it. */
  length?: number | undefined;
  /** The connection ends with this response. */
  closes: boolean;
}

/** Returns whether a response to this request has a body (RFC 9110 sections 9.3.2, 15.3.5 and 15.4.5). */
export function hasBody({ method }: Pick<RequestHead, "method">, status: number): boolean {
  return method !== "HEAD" && status !== 204 && status !== 304;
}

/** Returns the bytes of a response's head, as text in which each character is one byte. */
export function formatHead(
  status: number,
  headers: readonly HeaderLine[],
  { framing, length, closes }: HeadOptions,
): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n`;
  let hasDate = false;
  for (const [name, value] of headers) {
    // RFC 9110 section 8.6; of 304 it tells the length of what is not sent.
    if (status === 204 && isContentLength(name)) continue;
    head += `${name}: ${textOf(value)}\r\n`;
    hasDate ||= name.length === 4 && name.toLowerCase() === "date";
  }
  if (framing === "chunked") head += "transfer-encoding: chunked\r\n";
  else if (length !== undefined) head += `content-length: ${length}\r\n`;
  if (!hasDate) head += `date: ${httpDate(Date.now())}\r\n`;
  return `${head}${closes ? CLOSE : KEEP}\r\n`;
}

/** Returns the bytes of a 1xx response. */
export function formatInformational(status: number, headers: readonly HeaderLine[]): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${formatFields(headers)}\r\n`;
}

/** Returns header lines as they stand on the wire, without a length: neither 1xx responses nor trailers may have one. */
export function formatFields(fields: readonly HeaderLine[]): string {
  return fields
    .filter(([name]) => !isContentLength(name))
    .map(([name, value]) => `${name}: ${textOf(value)}\r\n`)
    .join("");
}

/** Returns whether a header says how long a body is. */
export function isContentLength(name: string): boolean {
  return name.length === 14 && name.toLowerCase() === "content-length";
}

/** Returns bytes as text in which each character is one byte. */
export function textOf(value: Uint8Array | string): string {
  return typeof value === "string"
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
}

const CLOSE = "connection: close\r\n";
/** Clients of HTTP/1.0 have to be told that the connection stays (RFC 9112 section 9.3), and others like to know for how long. */
const KEEP = `connection: keep-alive\r\nkeep-alive: timeout=${KEEP_ALIVE_SECONDS}\r\n`;

let dateSecond = 0;
let dateText = "";

/** Returns the date header's value, which changes once a second. */
function httpDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(nowMs).toUTCString();
  }
  return dateText;
}
