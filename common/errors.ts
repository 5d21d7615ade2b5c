import { ERROR_CODES, type ErrorCode } from "./error-codes.ts";

/** Where and why something was wrong: what was expected, what came, in which file and field, and what to do. */
export interface ErrorDetails {
  /** What would have been accepted, as a noun phrase. */
  expected?: string;
  /** What came instead. */
  actual?: string;
  /** Where: `file:line:column`, a field path, an app, a URL. */
  where?: string;
  /** What to do now; defaults to the advice of the code in `error-codes.ts`. */
  fix?: string;
  cause?: unknown;
}

/** The one error type that users see: a stable code of `docs/errors.md`, a message, and what to do. */
export class WasmletError extends Error {
  override readonly name = "WasmletError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.details = details;
  }

  /** What to do about it: the error's own advice, else its code's. */
  get fix(): string {
    return this.details.fix ?? ERROR_CODES[this.code].fix;
  }

  toJSON(): { code: ErrorCode; message: string; expected?: string; actual?: string; where?: string; fix: string } {
    const { expected, actual, where } = this.details;
    return {
      code: this.code,
      message: this.message,
      ...(expected === undefined ? {} : { expected }),
      ...(actual === undefined ? {} : { actual }),
      ...(where === undefined ? {} : { where }),
      fix: this.fix,
    };
  }
}

/** Returns the message of any thrown value; never throws. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Returns the `code` of a Node.js system error (`ENOENT`), or undefined. */
export function systemCodeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
