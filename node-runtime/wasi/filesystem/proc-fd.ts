import { closeSync, existsSync, openSync } from "node:fs";
import { constants } from "node:fs";
import { failure } from "./error-code.ts";

/**
 * Node.js has no `openat`. On Linux `/proc/self/fd/<fd>` names exactly the object behind a descriptor, wherever it was
 * moved to, so `/proc/self/fd/<dirfd>/<name>` is `openat(dirfd, name)`: nothing above `name` is looked up by path.
 * Other systems have no such names and get no files.
 */
const FD_FOLDER = "/proc/self/fd";

/** Opens a handle that only names the object: devices and pipes are not touched. Not among Node's constants. */
const O_PATH = 0o10000000;

/** Returns the path of the object behind `fd`. Opening it makes a new descriptor of the same object. */
export function pathOfFd(fd: number): string {
  return `${FD_FOLDER}/${fd}`;
}

/** Returns the path of `name` in the directory behind `dirFd`. `name` must be a single name, which is the caller's to check. */
export function pathOfChild(dirFd: number, name: string): string {
  return `${FD_FOLDER}/${dirFd}/${name}`;
}

/** Opens `name` in `dirFd` as a mere name (O_PATH), a symbolic link as itself. Throws the system's error. */
export function openName(dirFd: number, name: string): number {
  return openSync(pathOfChild(dirFd, name), O_PATH | constants.O_NOFOLLOW);
}

/** Opens the directory `name` in `dirFd` as a mere name; throws ENOTDIR for anything else, a symbolic link included. */
export function openDirectoryName(dirFd: number, name: string): number {
  return openSync(pathOfChild(dirFd, name), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/** Opens another handle of the directory behind `dirFd`. */
export function reopenDirectoryName(dirFd: number): number {
  return openSync(pathOfFd(dirFd), O_PATH | constants.O_DIRECTORY);
}

/** Opens the host directory of a preopen; throws `unsupported` on a system without `/proc/self/fd`. */
export function openHostDirectory(hostPath: string): number {
  if (!existsSync(FD_FOLDER)) throw failure("unsupported");
  return openSync(hostPath, O_PATH | constants.O_DIRECTORY);
}

/** Closes `fd`. Never throws: what close could still report, a flush would have told the guest. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The descriptor is gone all the same.
  }
}
