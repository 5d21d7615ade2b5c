import * as v from "valibot";
import { readRetryAfter } from "../common/retry-after.ts";
import { KubeError, type KubeErrorCode, type KubeErrorFacts, type StatusCause } from "./kube-error.ts";

const MAX_MESSAGE_LENGTH = 1024;
const MAX_CAUSES = 16;

/** The Status object of the API (meta/v1), as far as it is used. */
const Status = v.object({
  kind: v.literal("Status"),
  code: v.optional(v.number()),
  reason: v.optional(v.string(), ""),
  message: v.optional(v.string(), ""),
  details: v.optional(
    v.object({
      retryAfterSeconds: v.optional(v.number()),
      causes: v.optional(
        v.array(
          v.object({ field: v.optional(v.string()), reason: v.optional(v.string()), message: v.optional(v.string()) }),
        ),
      ),
    }),
  ),
});

/** What of an answer counts when it is not the one that was wanted. */
export interface Refusal {
  status: number;
  retryAfter: string | undefined;
  text: string;
}

/** Returns the error that an answer of the API server is; `what` says what was asked for: `get pods default/a`. */
export function failureOf(what: string, { status, retryAfter, text }: Refusal): KubeError {
  const parsed = v.safeParse(Status, parseJson(text));
  const said = parsed.success ? parsed.output : undefined;
  const retryAfterMs = readRetryAfter(retryAfter, new Date()) ?? secondsToMs(said?.details?.retryAfterSeconds);
  return build(what, said?.code ?? status, said?.reason ?? "", said?.message ?? text.trim(), {
    causes: (said?.details?.causes ?? []).slice(0, MAX_CAUSES) as StatusCause[],
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Returns the error that the object of a watch's ERROR event is. */
export function failureOfStatus(what: string, status: unknown): KubeError {
  return failureOf(what, { status: 500, retryAfter: undefined, text: JSON.stringify(status) });
}

function build(what: string, status: number, reason: string, message: string, facts: KubeErrorFacts): KubeError {
  const shown = message.slice(0, MAX_MESSAGE_LENGTH) || reason || "no reason given";
  const transience = transienceOf(status, facts.retryAfterMs);
  return new KubeError(codeOf(status), `${what}: ${shown}`, {
    ...facts,
    status,
    ...(reason === "" ? {} : { reason }),
    ...(transience === undefined ? {} : { transience }),
    actual: `HTTP status ${status}${reason === "" ? "" : ` ${reason}`}`,
  });
}

function codeOf(status: number): KubeErrorCode {
  switch (status) {
    case 401:
    case 403:
      return "KUBE_FORBIDDEN";
    case 404:
      return "KUBE_NOT_FOUND";
    case 409:
      return "KUBE_CONFLICT";
    case 400:
    case 413:
    case 415:
    case 422:
      return "KUBE_INVALID";
    case 410:
      return "KUBE_EXPIRED";
    default:
      return "KUBE_REFUSED";
  }
}

/** A 429 comes before anything is done; an internal error counts as passing only where the server says when to return. */
function transienceOf(status: number, retryAfterMs: number | undefined): KubeErrorFacts["transience"] {
  if (status === 429) return "not-processed";
  const mayPass = [408, 502, 503, 504].includes(status) || (status === 500 && retryAfterMs !== undefined);
  return mayPass ? "perhaps-processed" : undefined;
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined || seconds <= 0 ? undefined : seconds * 1000;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
