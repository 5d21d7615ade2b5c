import { constants, openSync } from "node:fs";
import { systemCodeOf } from "../../../common/errors.ts";
import { asWasiError, attempt, failure } from "./error-code.ts";
import { closeQuietly, pathOfChild, pathOfFd } from "./proc-fd.ts";
import { Walk, type Found } from "./resolver.ts";
import type { DescriptorFlags, OpenFlags } from "./types.ts";

/** How often an object that others keep creating and removing is looked up again before giving up. */
const MAX_ATTEMPTS = 16;

/** What `open-at` asks for. */
export interface OpenRequest {
  follow: boolean;
  open: OpenFlags;
  flags: DescriptorFlags;
}

/** An object opened: a file with a descriptor that reads and writes, a directory with one that names it (O_PATH). */
export interface Opened {
  fd: number;
  kind: "directory" | "regular-file";
}

/** Told before a file is created: throws where there is no room for another. */
export type BeforeCreating = () => void;

/**
 * Opens or creates the object at `path` below the directory behind `rootFd`. Files and directories only: devices, pipes
 * and sockets are `not-permitted` and are found out without opening them.
 */
export function openObject(rootFd: number, path: string, request: OpenRequest, creating: BeforeCreating): Opened {
  const { open } = request;
  if (open.directory && (open.create || open.truncate)) throw failure("invalid");
  using walk = new Walk(rootFd, path);
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
    const found = walk.find(request.follow && !(open.create && open.exclusive));
    if (found !== undefined) return openFound(found, request);
    if (!open.create) throw failure("no-entry");
    if (walk.mustBeDirectory) throw failure("is-directory");
    creating();
    const created = createFile(walk, request);
    if (created !== undefined) return { fd: created, kind: "regular-file" };
  }
  throw failure("busy");
}

/** Opens another descriptor of the file behind `fd`, which appends. */
export function reopenToAppend(fd: number): number {
  return attempt(() => openSync(pathOfFd(fd), constants.O_WRONLY | constants.O_APPEND));
}

function openFound(found: Found, { open, flags }: OpenRequest): Opened {
  let keep = false;
  try {
    if (open.create && open.exclusive) throw failure("exist");
    if (found.stats.isDirectory()) {
      if (flags.write || open.create || open.truncate) throw failure("is-directory");
      keep = true;
      return { fd: found.fd, kind: "directory" };
    }
    if (open.directory) throw failure("not-directory");
    if (found.stats.isSymbolicLink()) throw failure("loop");
    if (!found.stats.isFile()) throw failure("not-permitted");
    const fd = attempt(() => openSync(pathOfFd(found.fd), accessOf(flags, open)));
    return { fd, kind: "regular-file" };
  } finally {
    if (!keep) closeQuietly(found.fd);
  }
}

/** Creates the file that the walk found missing; undefined when somebody else was faster. */
function createFile(walk: Walk, { open, flags }: OpenRequest): number | undefined {
  const name = walk.lastName();
  if (name === undefined) throw failure("is-directory");
  const createNew = constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    return openSync(pathOfChild(walk.directoryFd, name), accessOf(flags, open) | createNew, 0o666);
  } catch (thrown) {
    if (systemCodeOf(thrown) === "EEXIST" && !open.exclusive) return undefined;
    throw asWasiError(thrown);
  }
}

function accessOf(flags: DescriptorFlags, open: OpenFlags): number {
  // Linux truncates only through a descriptor that may write; the guest's own flags are checked at each operation.
  const writes = flags.write || open.truncate;
  const access = writes ? (flags.read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  return (
    access |
    (open.truncate ? constants.O_TRUNC : 0) |
    (flags.fileIntegritySync || flags.requestedWriteSync ? constants.O_SYNC : 0) |
    (flags.dataIntegritySync ? constants.O_DSYNC : 0)
  );
}
