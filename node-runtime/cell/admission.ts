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
  if (absolute !== null && withoutPort80(absolute[1]!) !== withoutPort80(host ?? "")) {
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

/** Returns the path and query of a request target, in origin form or absolute form (RFC 9112 section 3.2.2). */
export function pathWithQueryOf(target: string): string {
  const [authority] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target) ?? [];
  if (authority === undefined) return target;
  const rest = target.slice(authority.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** Returns what a request expects of the server that it does not do, or undefined; HTTP/1.0 expects nothing. */
export function findUnmetExpectation(request: IncomingMessage): string | undefined {
  const { expect } = request.headers;
  return request.httpVersion === "1.1" && expect?.toLowerCase() !== "100-continue" ? expect : undefined;
}

/** The same authority looks the same: port 80 is the one that http means. */
function withoutPort80(authority: string): string {
  return authority.toLowerCase().replace(/:80$/, "");
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
