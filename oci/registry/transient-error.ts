import type { ErrorCode } from "../../common/error-codes.ts";
import { WasmletError, type ErrorDetails } from "../../common/errors.ts";

/** An error that may pass by itself: what failed is worth another try. */
export class TransientError extends WasmletError {
  /** What the registry asks to wait before that, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, retryAfterMs?: number) {
    super(code, message, details);
    this.retryAfterMs = retryAfterMs;
  }
}
