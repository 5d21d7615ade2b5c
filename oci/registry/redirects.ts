import { WasmletError } from "../../common/errors.ts";
import { placeOf } from "./addresses.ts";
import { checkReach, type PlainHttpRule } from "./reach.ts";
import type { HttpRequest, HttpResponse, Transport } from "./transport.ts";

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Sends a request and follows redirects of GET and HEAD; others are returned. Once it has left the origin it began at,
 * the request carries no Authorization any more, wherever it goes. Throws OCI_REDIRECT and OCI_INSECURE.
 */
export async function sendFollowing(
  transport: Transport,
  request: HttpRequest,
  allowsPlainHttp: PlainHttpRule,
): Promise<HttpResponse> {
  const seen = new Set<string>();
  let { url, headers = {} } = request;
  for (;;) {
    const response = await transport.send({ ...request, url, headers });
    if (!REDIRECTS.has(response.status) || (request.method !== "GET" && request.method !== "HEAD")) return response;
    const location = response.header("location");
    response.discard();
    const target = resolveLocation(location, url);
    checkReach(target, url, allowsPlainHttp);
    seen.add(url.href);
    if (seen.has(target.href) || seen.size > MAX_REDIRECTS) throw astray(request.url, seen.size);
    if (target.origin !== request.url.origin) headers = withoutCredentials(headers);
    url = target;
  }
}

/** Returns where a `Location` header leads; throws OCI_REDIRECT when it is missing or no address. */
export function resolveLocation(location: string | undefined, base: URL): URL {
  if (location !== undefined && URL.canParse(location, base)) return new URL(location, base);
  throw new WasmletError("OCI_REDIRECT", "the registry redirects without an address", {
    where: placeOf(base),
    expected: "a Location header with a URL",
    actual: location === undefined ? "none" : "something that is no URL",
  });
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
}

function astray(from: URL, count: number): WasmletError {
  return new WasmletError("OCI_REDIRECT", "the registry redirects in a circle or too often", {
    where: placeOf(from),
    expected: `an answer after at most ${MAX_REDIRECTS} redirects`,
    actual: `${count} redirects`,
  });
}
