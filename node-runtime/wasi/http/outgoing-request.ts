import { WasiError } from "../errors.ts";
import type { Scope } from "../scope.ts";
import { isToken } from "./field-rules.ts";
import type { Fields } from "./fields.ts";
import type { Method, Scheme } from "./method.ts";
import { declaredBytesOf, OutgoingBody, SentBody, type BodyKind } from "./outgoing-body.ts";

/** How a request's body tells its failures. */
export const REQUEST_BODY: BodyKind = {
  sizeTag: "HTTP-request-body-size",
  abandoned: { tag: "HTTP-protocol-error" },
};

/** Printable ASCII without a space or a fragment: what may stand in a request line. */
const PATH_WITH_QUERY = /^[\x21\x22\x24-\x7e]*$/;

/** A host name, an IPv4 or a bracketed IPv6 address, and a port; no user information. */
const AUTHORITY = /^(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;
/** More than any name, and an encoded one, takes. */
const MAX_AUTHORITY_LENGTH = 1024;

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;

/** `wasi:http/types` resource `outgoing-request`. */
export class OutgoingRequest {
  readonly #scope: Scope;
  readonly #headers: Fields;
  #method: Method = { tag: "get" };
  #pathWithQuery: string | undefined;
  #scheme: Scheme | undefined;
  #authority: string | undefined;
  #body: SentBody | undefined;

  constructor(scope: Scope, headers: Fields) {
    this.#scope = scope;
    this.#headers = headers.freeze();
  }

  /** Returns the body; at most once. */
  body(): OutgoingBody {
    if (this.#body !== undefined) throw new WasiError(undefined);
    this.#body = new SentBody(REQUEST_BODY, declaredBytesOf(this.#headers));
    return new OutgoingBody(this.#scope, this.#body);
  }

  method(): Method {
    return this.#method;
  }

  setMethod(method: Method): void {
    if (method.tag === "other" && !isToken(method.val)) throw new WasiError(undefined);
    this.#method = method;
  }

  pathWithQuery(): string | undefined {
    return this.#pathWithQuery;
  }

  setPathWithQuery(pathWithQuery: string | undefined): void {
    if (pathWithQuery !== undefined && !PATH_WITH_QUERY.test(pathWithQuery)) throw new WasiError(undefined);
    this.#pathWithQuery = pathWithQuery;
  }

  scheme(): Scheme | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Scheme | undefined): void {
    if (scheme?.tag === "other" && !SCHEME.test(scheme.val)) throw new WasiError(undefined);
    this.#scheme = scheme;
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): void {
    if (authority !== undefined && !isAuthority(authority)) throw new WasiError(undefined);
    this.#authority = authority;
  }

  headers(): Fields {
    return this.#headers;
  }

  /** Sets the body that the sender takes. */
  setBody(body: SentBody): void {
    this.#body = body;
  }

  /** Takes a received request's line as it is: what a guest passes on need not be what it may make. */
  copyLine(from: {
    method(): Method;
    pathWithQuery(): string | undefined;
    scheme(): Scheme | undefined;
    authority(): string | undefined;
  }): void {
    this.#method = from.method();
    this.#pathWithQuery = from.pathWithQuery();
    this.#scheme = from.scheme();
    this.#authority = from.authority();
  }

  /** Gives the body to the sender; undefined when the guest never asked for it. */
  takeBody(): SentBody | undefined {
    return this.#body;
  }

  /** Drop without having been sent: whoever writes the body learns that nobody reads it. */
  [Symbol.dispose](): void {
    this.#body?.pipe.cancel();
  }
}

function isAuthority(text: string): boolean {
  return text.length <= MAX_AUTHORITY_LENGTH && AUTHORITY.test(text);
}
