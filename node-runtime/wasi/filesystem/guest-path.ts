import { failure } from "./error-code.ts";

/** The longest path or link target accepted, in bytes of UTF-8: Linux's PATH_MAX. */
const MAX_PATH_BYTES = 4096;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A guest's path, taken apart. */
export interface GuestPath {
  /** Its names in order, `.` left out except at the end, where it says "the directory itself". */
  segments: string[];
  /** True when it ends with `/`: it must lead to a directory, and a link at its end is followed. */
  trailingSlash: boolean;
}

/**
 * Takes a guest's path apart. Throws `no-entry` when empty, `not-permitted` when absolute, `name-too-long`, `invalid`
 * for a NUL, `illegal-byte-sequence` for what is not Unicode.
 */
export function parseGuestPath(path: string): GuestPath {
  checkPathText(path);
  const names = path.split("/").filter((name) => name !== "");
  const last = names.length - 1;
  return {
    segments: names.filter((name, index) => name !== "." || index === last),
    trailingSlash: path.endsWith("/"),
  };
}

/** Throws unless `path` may be walked, or stored as a link's target. */
export function checkPathText(path: string): void {
  if (path === "") throw failure("no-entry");
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw failure("name-too-long");
  if (path.includes("\0")) throw failure("invalid");
  if (!path.isWellFormed()) throw failure("illegal-byte-sequence");
  if (path.startsWith("/")) throw failure("not-permitted");
}

/** Decodes a name that the host's filesystem gave. Throws `illegal-byte-sequence`: WASI's names are Unicode. */
export function decodeHostName(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw failure("illegal-byte-sequence");
  }
}
