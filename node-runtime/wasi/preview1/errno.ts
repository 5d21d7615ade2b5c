import { WasiError } from "../errors.ts";
import type { ErrorCode } from "../filesystem/error-code.ts";

/**
 * Preview 1 `errno` values.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#-errno-variant
 */
export const ERRNO = {
  SUCCESS: 0,
  ACCES: 2,
  AGAIN: 6,
  ALREADY: 7,
  BADF: 8,
  BUSY: 10,
  DEADLK: 16,
  DQUOT: 19,
  EXIST: 20,
  FAULT: 21,
  FBIG: 22,
  ILSEQ: 25,
  INPROGRESS: 26,
  INTR: 27,
  INVAL: 28,
  IO: 29,
  ISDIR: 31,
  LOOP: 32,
  MFILE: 33,
  MLINK: 34,
  MSGSIZE: 35,
  NAMETOOLONG: 37,
  NODEV: 43,
  NOENT: 44,
  NOLCK: 46,
  NOMEM: 48,
  NOSPC: 51,
  NOTDIR: 54,
  NOTEMPTY: 55,
  NOTRECOVERABLE: 56,
  NOTSOCK: 57,
  NOTSUP: 58,
  NOTTY: 59,
  NXIO: 60,
  OVERFLOW: 61,
  PERM: 63,
  PIPE: 64,
  ROFS: 69,
  SPIPE: 70,
  TXTBSY: 74,
  XDEV: 75,
} as const;

/** A preview 1 error number. */
export type Errno = (typeof ERRNO)[keyof typeof ERRNO];

/** The errno of each `wasi:filesystem/types` `error-code`. */
const ERRNO_OF_ERROR_CODE = {
  access: ERRNO.ACCES,
  "would-block": ERRNO.AGAIN,
  already: ERRNO.ALREADY,
  "bad-descriptor": ERRNO.BADF,
  busy: ERRNO.BUSY,
  deadlock: ERRNO.DEADLK,
  quota: ERRNO.DQUOT,
  exist: ERRNO.EXIST,
  "file-too-large": ERRNO.FBIG,
  "illegal-byte-sequence": ERRNO.ILSEQ,
  "in-progress": ERRNO.INPROGRESS,
  interrupted: ERRNO.INTR,
  invalid: ERRNO.INVAL,
  io: ERRNO.IO,
  "is-directory": ERRNO.ISDIR,
  loop: ERRNO.LOOP,
  "too-many-links": ERRNO.MLINK,
  "message-size": ERRNO.MSGSIZE,
  "name-too-long": ERRNO.NAMETOOLONG,
  "no-device": ERRNO.NODEV,
  "no-entry": ERRNO.NOENT,
  "no-lock": ERRNO.NOLCK,
  "insufficient-memory": ERRNO.NOMEM,
  "insufficient-space": ERRNO.NOSPC,
  "not-directory": ERRNO.NOTDIR,
  "not-empty": ERRNO.NOTEMPTY,
  "not-recoverable": ERRNO.NOTRECOVERABLE,
  unsupported: ERRNO.NOTSUP,
  "no-tty": ERRNO.NOTTY,
  "no-such-device": ERRNO.NXIO,
  overflow: ERRNO.OVERFLOW,
  "not-permitted": ERRNO.PERM,
  pipe: ERRNO.PIPE,
  "read-only": ERRNO.ROFS,
  "invalid-seek": ERRNO.SPIPE,
  "text-file-busy": ERRNO.TXTBSY,
  "cross-device": ERRNO.XDEV,
} as const satisfies Record<ErrorCode, Errno>;

/** Thrown inside the preview 1 host: the call returns `errno` to the guest. */
export class ErrnoError extends Error {
  override readonly name = "ErrnoError";
  readonly errno: Errno;

  constructor(errno: Errno) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** Returns the errno of a WASI 0.2 filesystem error code, or undefined for anything else. */
export function errnoOfCode(code: unknown): Errno | undefined {
  return isErrorCode(code) ? ERRNO_OF_ERROR_CODE[code] : undefined;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRNO_OF_ERROR_CODE, code);
}

/** Returns the errno that a thrown value stands for; throws it on when it is not an answer to the guest but a trap. */
export function errnoOf(thrown: unknown): Errno {
  if (thrown instanceof ErrnoError) return thrown.errno;
  const errno = thrown instanceof WasiError ? errnoOfCode(thrown.payload) : undefined;
  if (errno === undefined) throw thrown;
  return errno;
}
