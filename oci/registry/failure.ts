import * as v from "valibot";
import type { ErrorCode } from "../../common/error-codes.ts";
import { WasmletError } from "../../common/errors.ts";
import { placeOf } from "./addresses.ts";
import { readBody } from "./body.ts";
import { readRetryAfter } from "../../common/retry-after.ts";
import type { Timing } from "../../common/timing.ts";
import { TransientError } from "./transient-error.ts";
import type { HttpResponse } from "./transport.ts";

const MAX_ERROR_BYTES = 16 * 1024;
const MAX_REASON_LENGTH = 256;
const CONTROL_CHARACTERS = /\p{Cc}+/gu;

/** The error body of the distribution specification (#error-codes), as far as it is shown. */
const ErrorBody = v.object({
  errors: v.pipe(v.array(v.object({ code: v.optional(v.string()), message: v.optional(v.string()) })), v.minLength(1)),
});

/** What an error says beside the status. */
export interface FailureContext {
  /** What was asked for, as a noun phrase: `the manifest of ghcr.io/team/hello:1.0`. */
  what: string;
  timing: Timing;
  /** Texts that a hostile registry might echo and that must not be shown. */
  secrets: readonly string[];
  /** Whether this was a push, which a registry may refuse for reasons of its own. */
  isPush: boolean;
}

/** Returns the error that a response of an unwanted status is, with the registry's own reason in it; reads its body. */
export async function failureOf(response: HttpResponse, context: FailureContext): Promise<WasmletError> {
  const { status, url } = response;
  const { what, timing } = context;
  const reason = await reasonOf(response, context.secrets);
  const details = { where: placeOf(url), actual: `HTTP status ${status}${reason === "" ? "" : `: ${reason}`}` };
  const retryAfterMs = readRetryAfter(response.header("retry-after"), timing.date());
  if (status === 429) {
    const wait = retryAfterMs === undefined ? "" : `; it asks to wait ${Math.ceil(retryAfterMs / 1000)} seconds`;
    return new TransientError(
      "OCI_RATE_LIMITED",
      `the registry limits requests for ${what}${wait}`,
      details,
      retryAfterMs,
    );
  }
  if (status === 408 || status >= 500) {
    return new TransientError("OCI_UNREACHABLE", `the registry cannot serve ${what}`, details, retryAfterMs);
  }
  const [code, problem] = meaningOf(status, context.isPush);
  return new WasmletError(code, `${problem} ${what}`, details);
}

function meaningOf(status: number, isPush: boolean): [code: ErrorCode, problem: string] {
  if (status === 401 || status === 403) return ["OCI_UNAUTHORIZED", "the registry does not let us have"];
  if (status === 404 && !isPush) return ["OCI_NOT_FOUND", "the registry does not have"];
  if (isPush && status >= 400) return ["OCI_PUSH_REFUSED", "the registry refuses"];
  return ["OCI_RESPONSE_INVALID", "the registry gives an answer that is not known for"];
}

async function reasonOf(response: HttpResponse, secrets: readonly string[]): Promise<string> {
  try {
    const bytes = await readBody(response, MAX_ERROR_BYTES, () => new WasmletError("OCI_TOO_LARGE", "a long error"));
    const { errors } = v.parse(ErrorBody, JSON.parse(Buffer.from(bytes).toString("utf8")));
    const [{ code = "", message = "" } = {}] = errors;
    const text = [code, message].filter((part) => part !== "").join(": ");
    const shown = text.slice(0, MAX_REASON_LENGTH).replace(CONTROL_CHARACTERS, " ");
    return secrets.some((secret) => text.includes(secret)) ? code.replace(/[^A-Z_]/g, "").slice(0, 64) : shown;
  } catch {
    return ""; // no reason that can be read
  }
}
