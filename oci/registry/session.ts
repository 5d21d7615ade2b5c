import { placeOf } from "./addresses.ts";
import type { Authorizer, Realm } from "./authorizer.ts";
import { secretsIn } from "./credentials.ts";
import type { Endpoint } from "./endpoints.ts";
import { failureOf } from "./failure.ts";
import type { PlainHttpRule } from "./reach.ts";
import { sendFollowing } from "./redirects.ts";
import { withRetries } from "./retry.ts";
import type { Timing } from "../../common/timing.ts";
import type { HttpRequest, HttpResponse, Transport } from "./transport.ts";

/** What all sessions of a client share. */
export interface SessionContext {
  transport: Transport;
  authorizer: Authorizer;
  allowsPlainHttp: PlainHttpRule;
  timing: Timing;
}

/** A request of a session: where below the repository, or at an address that the registry named. */
export interface SessionRequest extends Omit<HttpRequest, "url"> {
  target: string | URL;
  /** What it is about, for errors: `the manifest of …`. */
  what: string;
  /** Statuses that are no error. */
  accepted: readonly number[];
  /** Tries in all; one where whoever asks tries again itself. */
  maxAttempts?: number;
}

/** Speaks with one endpoint about one repository: authorised, with redirects followed and failures tried again. */
export class Session {
  readonly endpoint: Endpoint;
  /** Empty for the registry as a whole. */
  readonly repository: string;
  readonly #isPush: boolean;
  readonly #realm: Realm;
  readonly #context: SessionContext;

  constructor(
    endpoint: Endpoint,
    repository: string,
    { isPush, alsoFrom }: { isPush: boolean; alsoFrom?: string | undefined },
    context: SessionContext,
  ) {
    this.endpoint = endpoint;
    this.repository = repository;
    this.#isPush = isPush;
    this.#context = context;
    const scopes = repository === "" ? [] : [`repository:${repository}:${isPush ? "pull,push" : "pull"}`];
    if (alsoFrom !== undefined) scopes.push(`repository:${alsoFrom}:pull`);
    this.#realm = { origin: endpoint.origin, registry: endpoint.registry, repository, scope: scopes.join(" ") };
  }

  get timing(): Timing {
    return this.#context.timing;
  }

  get allowsPlainHttp(): PlainHttpRule {
    return this.#context.allowsPlainHttp;
  }

  /** Returns the address of something of the repository. */
  urlOf(path: string): URL {
    return new URL(`/v2/${this.repository}${this.repository === "" ? "" : "/"}${path}`, this.endpoint.origin);
  }

  /** Sends a request and returns its response, of an accepted status; throws OCI_* errors. */
  send(request: SessionRequest): Promise<HttpResponse> {
    // A mirror gets one chance: behind it is another one, or the registry itself.
    const maxAttempts = this.endpoint.isMirror ? 1 : request.maxAttempts;
    return withRetries(() => this.#attempt(request), {
      timing: this.timing,
      signal: request.signal,
      ...(maxAttempts !== undefined && { maxAttempts }),
    });
  }

  async #attempt({ target, what, accepted, ...request }: SessionRequest): Promise<HttpResponse> {
    const url = typeof target === "string" ? this.urlOf(target) : target;
    // An address elsewhere, where blobs are uploaded to, gets no credentials of ours.
    const isOurs = url.origin === this.endpoint.origin.origin;
    let authorization = isOurs ? this.#context.authorizer.known(this.#realm) : undefined;
    for (let isRenewed = false; ; isRenewed = true) {
      const headers = { ...request.headers, ...(authorization !== undefined && { authorization }) };
      const response = await sendFollowing(this.#context.transport, { ...request, url, headers }, this.allowsPlainHttp);
      if (accepted.includes(response.status)) return response;
      // Read to its end before anything else is asked: the token server may be the same host, whose slots are few.
      const failure = await failureOf(response, {
        what,
        timing: this.timing,
        secrets: secretsIn(authorization),
        isPush: this.#isPush,
      });
      // Only the registry itself may ask who we are, and once: not whoever it redirects to.
      const mayAsk = response.status === 401 && isOurs && !isRenewed && response.url.origin === url.origin;
      const better = mayAsk ? await this.#answer(response, authorization) : undefined;
      if (better === undefined) throw failure;
      authorization = better;
    }
  }

  #answer(response: HttpResponse, rejected: string | undefined): Promise<string | undefined> {
    return this.#context.authorizer.answer(this.#realm, response.headers("www-authenticate"), rejected);
  }

  /** Returns where something of the repository is, for errors. */
  placeOf(path: string): string {
    return placeOf(this.urlOf(path));
  }
}
