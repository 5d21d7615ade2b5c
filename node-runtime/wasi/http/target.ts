import { HttpError } from "./error-code.ts";
import { methodName, schemeName } from "./method.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";

/** Where a request goes and what its first line says. */
export interface RequestTarget {
  scheme: "http" | "https";
  /** A name or an address, IPv6 without brackets. */
  host: string;
  port: number;
  /** As the guest gave it: the Host header. */
  authority: string;
  method: string;
  path: string;
}

const AUTHORITY_PARTS = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+))(?::(?<port>\d*))?$/;

const MAX_PATH_LENGTH = 64 * 1024;

/** Returns the target of a request; throws the error code of what is missing or can't be sent. */
export function targetOf(request: OutgoingRequest): RequestTarget {
  const scheme = schemeName(request.scheme() ?? { tag: "HTTPS" });
  if (scheme !== "http" && scheme !== "https") throw new HttpError({ tag: "HTTP-protocol-error" });
  const method = methodName(request.method());
  // A tunnel would carry anything past the allow-list's view of it.
  if (method === "CONNECT") throw new HttpError({ tag: "HTTP-request-method-invalid" });
  const authority = request.authority() ?? "";
  const parts = AUTHORITY_PARTS.exec(authority)?.groups;
  if (parts === undefined) throw new HttpError({ tag: "HTTP-request-URI-invalid" });
  const defaultPort = scheme === "https" ? 443 : 80;
  const port = Number(parts["port"] || defaultPort);
  if (port < 1 || port > 65535) throw new HttpError({ tag: "HTTP-request-URI-invalid" });
  const host = parts["v6"] ?? parts["host"] ?? "";
  return { scheme, host, port, authority, method, path: pathOf(request.pathWithQuery() ?? "/") };
}

function pathOf(pathWithQuery: string): string {
  if (pathWithQuery.length > MAX_PATH_LENGTH) throw new HttpError({ tag: "HTTP-request-URI-too-long" });
  return /^[/*]/.test(pathWithQuery) ? pathWithQuery : `/${pathWithQuery}`;
}
