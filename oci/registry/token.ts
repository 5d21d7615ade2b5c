import * as v from "valibot";
import { WasmletError } from "../../common/errors.ts";
import { placeOf } from "./addresses.ts";
import { readBody } from "./body.ts";
import type { Challenge } from "./challenge.ts";
import { basicAuthorization, secretsIn, type Credentials } from "./credentials.ts";
import { failureOf } from "./failure.ts";
import { checkReach, type PlainHttpRule } from "./reach.ts";
import { sendFollowing } from "./redirects.ts";
import type { Timing } from "../../common/timing.ts";
import type { HttpRequest, Transport } from "./transport.ts";

const MAX_ANSWER_BYTES = 128 * 1024;
/** What the specification of tokens assumes when an answer names no time. */
const DEFAULT_LIFE_SECONDS = 60;
const MAX_LIFE_SECONDS = 24 * 3600;
const CLIENT_ID = "wasmlet";

const Token = v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/));
const TokenAnswer = v.object({
  token: v.optional(Token),
  access_token: v.optional(Token),
  expires_in: v.optional(v.number()),
});

/** A bearer token and the date in milliseconds after which it is not used any more. */
export interface BearerToken {
  token: string;
  expiresMs: number;
}

/** What asking for a token needs. */
export interface TokenContext {
  transport: Transport;
  timing: Timing;
  allowsPlainHttp: PlainHttpRule;
  signal?: AbortSignal | undefined;
}

/**
 * Asks the token server that a challenge names for a token of this scope
 * (https://distribution.github.io/distribution/spec/auth/token/). The realm may be another host: that is how it is meant;
 * but never in plain HTTP, nor on this machine when the registry is elsewhere. Throws OCI_* errors.
 */
export async function fetchToken(
  registry: URL,
  challenge: Challenge,
  scope: string,
  credentials: Credentials | undefined,
  context: TokenContext,
): Promise<BearerToken> {
  const realm = realmOf(challenge, registry, context.allowsPlainHttp);
  const request = tokenRequest(realm, challenge.parameters.get("service"), scope, credentials);
  const { transport, timing, allowsPlainHttp, signal } = context;
  const response = await sendFollowing(transport, { ...request, signal }, allowsPlainHttp);
  const secrets = [...secretsIn(request.headers?.["authorization"]), ...secretOf(credentials)];
  const what = `a token for ${scope || "this registry"}`;
  if (response.status !== 200) throw await failureOf(response, { what, timing, secrets, isPush: false });
  const invalid = (expected: string): WasmletError =>
    new WasmletError("OCI_RESPONSE_INVALID", "the token server's answer holds no token", {
      where: placeOf(response.url),
      expected,
    });
  const bytes = await readBody(response, MAX_ANSWER_BYTES, () => invalid(`at most ${MAX_ANSWER_BYTES} bytes`));
  const answer = parseAnswer(bytes);
  const token = answer?.token ?? answer?.access_token;
  if (answer === undefined || token === undefined) throw invalid("JSON with token or access_token");
  const lifeSeconds = Math.min(Math.max(answer.expires_in ?? 0, DEFAULT_LIFE_SECONDS), MAX_LIFE_SECONDS);
  // Renewed a little early, so that none expires on its way.
  return { token, expiresMs: timing.date().getTime() + lifeSeconds * 900 };
}

function realmOf({ parameters }: Challenge, registry: URL, allowsPlainHttp: PlainHttpRule): URL {
  const realm = parameters.get("realm");
  if (realm === undefined || !URL.canParse(realm)) {
    throw new WasmletError("OCI_RESPONSE_INVALID", "the registry wants a token and does not say from where", {
      where: placeOf(registry),
      expected: "a realm with a URL in WWW-Authenticate",
    });
  }
  const url = new URL(realm);
  checkReach(url, registry, allowsPlainHttp);
  return url;
}

function tokenRequest(
  realm: URL,
  service: string | undefined,
  scope: string,
  credentials: Credentials | undefined,
): HttpRequest {
  const parameters = new URLSearchParams();
  if (service !== undefined) parameters.set("service", service);
  for (const part of scope.split(" ")) if (part !== "") parameters.append("scope", part);
  if (credentials?.kind === "identity-token") {
    parameters.set("scope", scope);
    parameters.set("grant_type", "refresh_token");
    parameters.set("client_id", CLIENT_ID);
    parameters.set("refresh_token", credentials.token.reveal());
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url: realm, headers, body: Buffer.from(parameters.toString()) };
  }
  const url = new URL(realm);
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  if (credentials?.kind !== "password") return { method: "GET", url };
  url.searchParams.set("account", credentials.username);
  return {
    method: "GET",
    url,
    headers: { authorization: basicAuthorization(credentials.username, credentials.password) },
  };
}

function secretOf(credentials: Credentials | undefined): string[] {
  if (credentials === undefined) return [];
  return [(credentials.kind === "password" ? credentials.password : credentials.token).reveal()].filter(
    (text) => text !== "",
  );
}

function parseAnswer(bytes: Uint8Array): v.InferOutput<typeof TokenAnswer> | undefined {
  try {
    return v.parse(TokenAnswer, JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    return undefined; // not JSON, or not of this shape: said by the caller
  }
}
