import type { ErrorCode } from "../common/error-codes.ts";
import { WasmletError, type ErrorDetails } from "../common/errors.ts";
import type { KUBE_ERROR_CODES } from "../common/kube-error-codes.ts";

export type KubeErrorCode = keyof typeof KUBE_ERROR_CODES & ErrorCode;

/** One field that the API server objects to, or another single cause that it names. */
export interface StatusCause {
  field?: string;
  reason?: string;
  message?: string;
}

/** What the API server said beside the message. */
export interface KubeErrorFacts extends ErrorDetails {
  /** The HTTP status; undefined where no answer came. */
  status?: number;
  /** The reason of the Status object: `AlreadyExists`, `NotFound`. */
  reason?: string;
  causes?: readonly StatusCause[];
  /** What it asks to wait before another try, in milliseconds. */
  retryAfterMs?: number;
  /** Set where another try may succeed: whether the request can have been carried out all the same. */
  transience?: "not-processed" | "perhaps-processed";
}

/** What went wrong with a request to the API server. */
export class KubeError extends WasmletError {
  readonly facts: KubeErrorFacts;

  constructor(code: KubeErrorCode, message: string, facts: KubeErrorFacts = {}) {
    super(code, message, facts);
    this.facts = facts;
  }
}

/** True for an error of the API with one of these codes, or with any when none is given. */
export function isKubeError(thrown: unknown, ...codes: KubeErrorCode[]): thrown is KubeError {
  return thrown instanceof KubeError && (codes.length === 0 || (codes as string[]).includes(thrown.code));
}
