import { systemCodeOf } from "../../../common/errors.ts";
import { WasiError } from "../errors.ts";
import type { IoError } from "../io/error.ts";

/** Linux's errno names and the `wasi:filesystem/types` `error-code` that each becomes; others become `io`. */
const CODE_OF_ERRNO = {
  EACCES: "access",
  EAGAIN: "would-block",
  EALREADY: "already",
  EBADF: "bad-descriptor",
  EBUSY: "busy",
  EDEADLK: "deadlock",
  EDQUOT: "quota",
  EEXIST: "exist",
  EFBIG: "file-too-large",
  EILSEQ: "illegal-byte-sequence",
  EINPROGRESS: "in-progress",
  EINTR: "interrupted",
  EINVAL: "invalid",
  EIO: "io",
  EISDIR: "is-directory",
  ELOOP: "loop",
  EMLINK: "too-many-links",
  EMSGSIZE: "message-size",
  ENAMETOOLONG: "name-too-long",
  ENODEV: "no-device",
  ENOENT: "no-entry",
  ENOLCK: "no-lock",
  ENOMEM: "insufficient-memory",
  // WASI has no code for "too many open files": what ran out is the host's table of them.
  EMFILE: "insufficient-memory",
  ENFILE: "insufficient-memory",
  ENOSPC: "insufficient-space",
  ENOTDIR: "not-directory",
  ENOTEMPTY: "not-empty",
  ENOTRECOVERABLE: "not-recoverable",
  ENOTSUP: "unsupported",
  EOPNOTSUPP: "unsupported",
  ENOSYS: "unsupported",
  ENOTTY: "no-tty",
  ENXIO: "no-such-device",
  EOVERFLOW: "overflow",
  EPERM: "not-permitted",
  EPIPE: "pipe",
  EROFS: "read-only",
  ESPIPE: "invalid-seek",
  ETXTBSY: "text-file-busy",
  EXDEV: "cross-device",
} as const;

/** The WIT enum `error-code` of `wasi:filesystem/types`. */
export type ErrorCode = (typeof CODE_OF_ERRNO)[keyof typeof CODE_OF_ERRNO];

/** What a file stream failed with: the cause inside the stream's `error` resource. */
export class FileStreamError extends Error {
  override readonly name = "FileStreamError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    super(`file stream failed: ${code}`);
    this.code = code;
  }
}

/** Returns the error half of a filesystem call's result, to be thrown. */
export function failure(code: ErrorCode): WasiError<ErrorCode> {
  return new WasiError<ErrorCode>(code);
}

/** Returns the WASI code of a thrown host or WASI error; undefined where it is neither: a defect, which must trap. */
export function errorCodeOf(thrown: unknown): ErrorCode | undefined {
  if (thrown instanceof WasiError) return thrown.payload as ErrorCode;
  if (typeof (thrown as { errno?: unknown } | null)?.errno !== "number") return undefined;
  const name = systemCodeOf(thrown) ?? "";
  return Object.hasOwn(CODE_OF_ERRNO, name) ? CODE_OF_ERRNO[name as keyof typeof CODE_OF_ERRNO] : "io";
}

/** Returns what `operation` returns; a system error is thrown as the WASI error it means, without its host path. */
export function attempt<T>(operation: () => T): T {
  try {
    return operation();
  } catch (thrown) {
    throw asWasiError(thrown);
  }
}

/** Returns `thrown` as the WASI error it means, or itself where it means none. */
export function asWasiError(thrown: unknown): unknown {
  if (thrown instanceof WasiError) return thrown;
  const code = errorCodeOf(thrown);
  return code === undefined ? thrown : failure(code);
}

/** `wasi:filesystem/types.filesystem-error-code`: the code of a failed file stream, undefined for any other error. */
export function filesystemErrorCode(error: IoError): ErrorCode | undefined {
  return error.cause instanceof FileStreamError ? error.cause.code : undefined;
}
