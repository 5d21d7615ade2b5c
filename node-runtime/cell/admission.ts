import { WasmletError } from "../../common/errors.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { bodyTooLarge } from "./request-body.ts";

/** The largest request body that is passed to a guest. */
export const MAX_REQUEST_BODY_BYTES = 64 * 1024 * 1024;

/** Throws the error that a request is refused with, before any work is done for it. */
export function refuse(request: RequestHead): void {
  const { version, method, expect } = request;
  if (version !== "1.1" && version !== "1.0") {
    throw new WasmletError("REQUEST_MALFORMED", `expected HTTP/1.1 or HTTP/1.0, got HTTP/${version}`);
  }
  if (method === "CONNECT") throw new WasmletError("REQUEST_METHOD", "CONNECT is not served: this is no proxy");
  const ambiguity = findAmbiguity(request);
  if (ambiguity !== undefined) {
    throw new WasmletError("REQUEST_AMBIGUOUS", `the request has ${ambiguity}`);
  }
  if (version === "1.1" && expect !== undefined && !request.expectsContinue) {
    const got = JSON.stringify(expect.slice(0, 100));
    throw new WasmletError("REQUEST_EXPECTATION", `expected Expect: 100-continue or none, got ${got}`);
  }
  if (Number(request.contentLength ?? 0) > MAX_REQUEST_BODY_BYTES) throw bodyTooLarge(MAX_REQUEST_BODY_BYTES);
}

/**
 * Returns why a request is refused because two HTTP parsers could read it in two ways, or undefined. These are the
 * shapes that llhttp lets through: RFC 9112 sections 3.2 and 6.1.
 */
export function findAmbiguity({ version, target, host, hosts, transferEncoding }: RequestHead): string | undefined {
  if (hosts > 1) return "more than one Host header";
  if (host === undefined && version === "1.1") return "no Host header";
  if (host !== undefined && /[\s,@/\\?#]/.test(host)) return "a Host header that is not host[:port]";
  const authority = authorityOf(target);
  if (authority !== undefined && withoutPort80(authority) !== withoutPort80(host ?? "")) {
    return "a request target whose authority differs from the Host header";
  }
  if (transferEncoding === undefined) return undefined;
  if (version !== "1.1") return "Transfer-Encoding in an HTTP/1.0 request";
  return transferEncoding.toLowerCase() === "chunked" ? undefined : "a Transfer-Encoding other than chunked";
}

/** Returns the path and query of a request target, in origin form or absolute form (RFC 9112 section 3.2.2). */
export function pathWithQueryOf(target: string): string {
  const authority = authorityOf(target);
  if (authority === undefined) return target;
  const rest = target.slice(target.indexOf("://") + 3 + authority.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** The authority of a target in absolute form; other forms have none. */
function authorityOf(target: string): string | undefined {
  if (target.charCodeAt(0) === SLASH) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1];
}

const SLASH = 0x2f;

/** The same authority looks the same: port 80 is the one that http means. */
function withoutPort80(authority: string): string {
  return authority.toLowerCase().replace(/:80$/, "");
}
