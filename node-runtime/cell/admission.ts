import type { IncomingMessage } from "node:http";

/**
 * Returns why a request is refused because two HTTP parsers could read it in two ways, or undefined. These are the
 * shapes that Node's parser lets through: RFC 9112 sections 3.2 and 6.1.
 */
export function findAmbiguity(request: IncomingMessage): string | undefined {
  const hosts = valuesOf(request.rawHeaders, "host");
  if (hosts.length > 1) return "more than one Host header";
  const host = hosts[0];
  if (host === undefined && request.httpVersion === "1.1") return "no Host header";
  if (host !== undefined && /[\s,@/\\?#]/.test(host.trim())) return "a Host header that is not host[:port]";
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(request.url ?? "");
  if (absolute !== null && absolute[1]!.toLowerCase() !== host?.toLowerCase()) {
    return "a request target whose authority differs from the Host header";
  }
  const encodings = valuesOf(request.rawHeaders, "transfer-encoding");
  if (encodings.length === 0) return undefined;
  if (request.httpVersion !== "1.1") return "Transfer-Encoding in an HTTP/1.0 request";
  if (encodings.length > 1 || encodings[0]!.trim().toLowerCase() !== "chunked") {
    return "a Transfer-Encoding other than chunked";
  }
  return valuesOf(request.rawHeaders, "content-length").length > 0
    ? "Content-Length beside Transfer-Encoding"
    : undefined;
}

/** Returns the declared length of a request's body, or undefined when it is chunked or absent. */
export function declaredLength(request: IncomingMessage): number | undefined {
  const value = request.headers["content-length"];
  return value === undefined ? undefined : Number(value);
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.toLowerCase() === name) values.push(rawHeaders[index + 1]!);
  }
  return values;
}
