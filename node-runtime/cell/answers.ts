import { ERROR_CODES, type ErrorCode } from "../../common/error-codes.ts";
import type { Refusal } from "../http1/connection-owner.ts";

/** The status that each error of a request is answered with. */
const ERROR_STATUS: Partial<Record<ErrorCode, number>> = {
  REQUEST_AMBIGUOUS: 400,
  REQUEST_MALFORMED: 400,
  REQUEST_BODY_TOO_LARGE: 413,
  REQUEST_EXPECTATION: 417,
  REQUEST_HEADERS_TOO_LARGE: 431,
  REQUEST_METHOD: 501,
  REQUEST_NO_ROUTE: 404,
  REQUEST_OVERLOADED: 503,
  REQUEST_RATE_LIMITED: 429,
  GUEST_ERROR: 502,
  GUEST_NO_RESPONSE: 502,
  GUEST_RESPONSE_INCOMPLETE: 502,
  GUEST_START_TRAPPED: 502,
  GUEST_TRAPPED: 502,
  GUEST_CPU_LIMIT: 504,
  GUEST_TIMEOUT: 504,
};

/** The status of an error answer; 500 for what is not the client's or the guest's doing. */
function statusOf(code: ErrorCode): number {
  return ERROR_STATUS[code] ?? 500;
}

/** What passes within a second: the rate of an app is 1 in a second at least. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["REQUEST_OVERLOADED", "REQUEST_RATE_LIMITED"]);

/**
 * Returns the whole answer that tells an error, to a person and to a program. It ends the connection, but for what passes:
 * to connect anew would cost both sides more than what was refused.
 */
export function answerTo(code: ErrorCode, message: string): Refusal {
  const headers: [string, string][] = [
    ["content-type", "application/json"],
    ["x-wasmlet-error", code],
  ];
  if (PASSING.has(code)) headers.push(["retry-after", "1"]);
  const body = `${JSON.stringify({ code, message, fix: ERROR_CODES[code].fix })}\n`;
  return { status: statusOf(code), headers, body, keepsConnection: PASSING.has(code) };
}
