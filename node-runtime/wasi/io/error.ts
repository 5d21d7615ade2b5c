/** `wasi:io/error` resource `error`: what made a stream fail; `cause` keeps the host's own error for down-casts. */
export class IoError {
  readonly #text: string;
  readonly cause: unknown;

  constructor(text: string, cause?: unknown) {
    this.#text = text;
    this.cause = cause;
  }

  /** A line for people; not for programs. */
  toDebugString(): string {
    return this.#text;
  }
}

/** The WIT variant `stream-error`. */
export type StreamError = { tag: "last-operation-failed"; val: IoError } | { tag: "closed" };
