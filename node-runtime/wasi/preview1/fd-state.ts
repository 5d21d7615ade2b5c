import type { DescriptorFlags, DescriptorStat, NewTimestamp } from "../filesystem/types.ts";
import { datetimeOf } from "../clocks/imports.ts";
import type { Body, Context } from "./context.ts";
import { ERRNO, ErrnoError } from "./errno.ts";
import type { OpenEntry } from "./fd-table.ts";
import { DIRECTORY_RIGHTS, FDFLAGS, FILE_RIGHTS, FSTFLAGS, hasFlag, RIGHTS } from "./flags.ts";
import {
  FDSTAT_SIZE,
  FILESTAT_SIZE,
  FILETYPE,
  filetypeOf,
  PRESTAT_SIZE,
  writeFdstat,
  writeFilestat,
  writePrestat,
  type Fdstat,
} from "./layout.ts";

/** `advice` values, in order. */
const ADVICE = ["normal", "sequential", "random", "will-need", "dont-need", "no-reuse"] as const;

const SYNC_FLAGS = FDFLAGS.DSYNC | FDFLAGS.RSYNC | FDFLAGS.SYNC;
const ALL_FDFLAGS = SYNC_FLAGS | FDFLAGS.APPEND | FDFLAGS.NONBLOCK;

/** What a standard stream tells of itself: no size, no times. */
const STREAM_STAT: DescriptorStat = {
  type: "unknown",
  linkCount: 0n,
  size: 0n,
  dataAccessTimestamp: undefined,
  dataModificationTimestamp: undefined,
  statusChangeTimestamp: undefined,
};

const UTF8 = new TextEncoder();

/** Returns the `fd_*` functions that tell or change what a descriptor is, and those that give it up. */
export function createFdStateFunctions(context: Context): Record<string, Body> {
  const { memory } = context;
  return {
    fd_advise(fd: number, offset: bigint, length: bigint, advice: number) {
      const { descriptor } = context.fds.file(fd);
      const name = ADVICE[advice >>> 0];
      if (name === undefined) throw new ErrnoError(ERRNO.INVAL);
      descriptor.advise(BigInt.asUintN(64, offset), BigInt.asUintN(64, length), name);
    },

    // WASI 0.2 has no such call, and a file made longer by its size alone would promise space that is not there.
    fd_allocate(fd: number): never {
      context.fds.file(fd);
      throw new ErrnoError(ERRNO.NOTSUP);
    },

    fd_close: (fd: number) => context.fds.close(fd),
    fd_renumber: (from: number, to: number) => context.fds.renumber(from, to),

    fd_fdstat_get: (fd: number, result: number) =>
      writeFdstat(memory.struct(result, FDSTAT_SIZE), fdstatOf(context.fds.get(fd))),

    fd_fdstat_set_flags(fd: number, flags: number) {
      const entry = context.fds.get(fd);
      const current = entry.kind === "file" ? syncFlagsOf(entry.descriptor.getFlags()) : 0;
      // How writes reach the disk is settled when a file is opened.
      if ((flags & ~ALL_FDFLAGS) !== 0 || (flags & SYNC_FLAGS) !== current) throw new ErrnoError(ERRNO.INVAL);
      if (entry.kind === "file") entry.append = hasFlag(flags, FDFLAGS.APPEND);
      if (entry.kind !== "directory") entry.nonblock = hasFlag(flags, FDFLAGS.NONBLOCK);
    },

    // Rights were removed from WASI; a guest is not told that it gave up what it did not.
    fd_fdstat_set_rights(fd: number): never {
      context.fds.get(fd);
      throw new ErrnoError(ERRNO.NOTSUP);
    },

    fd_filestat_get(fd: number, result: number) {
      const entry = context.fds.get(fd);
      const view = memory.struct(result, FILESTAT_SIZE);
      if (entry.kind === "file" || entry.kind === "directory") {
        return writeFilestat(view, entry.descriptor.stat(), entry.descriptor.metadataHash().lower);
      }
      writeFilestat(view, { ...STREAM_STAT, type: entry.terminal ? "character-device" : "unknown" }, 0n);
    },

    fd_filestat_set_size: (fd: number, size: bigint) =>
      context.fds.file(fd).descriptor.setSize(BigInt.asUintN(64, size)),

    fd_filestat_set_times(fd: number, access: bigint, modification: bigint, flags: number) {
      const descriptor = context.fds.descriptor(fd, ERRNO.BADF);
      descriptor.setTimes(...newTimestamps(access, modification, flags));
    },

    fd_prestat_get(fd: number, result: number) {
      writePrestat(memory.struct(result, PRESTAT_SIZE), preopenName(context, fd).length);
    },

    fd_prestat_dir_name(fd: number, pointer: number, length: number) {
      const name = preopenName(context, fd);
      if (name.length > length >>> 0) throw new ErrnoError(ERRNO.NAMETOOLONG);
      memory.write(pointer, name);
    },
  };
}

/** Returns the WIT forms of the two times of a `*_set_times` call; fails with `inval` where the flags contradict. */
export function newTimestamps(access: bigint, modification: bigint, flags: number): [NewTimestamp, NewTimestamp] {
  return [
    newTimestamp(access, hasFlag(flags, FSTFLAGS.ATIM), hasFlag(flags, FSTFLAGS.ATIM_NOW)),
    newTimestamp(modification, hasFlag(flags, FSTFLAGS.MTIM), hasFlag(flags, FSTFLAGS.MTIM_NOW)),
  ];
}

function newTimestamp(ns: bigint, given: boolean, now: boolean): NewTimestamp {
  if (given && now) throw new ErrnoError(ERRNO.INVAL);
  if (now) return { tag: "now" };
  return given ? { tag: "timestamp", val: datetimeOf(BigInt.asUintN(64, ns)) } : { tag: "no-change" };
}

/** `badf` tells a guest that looks for its preopens where they end. */
function preopenName(context: Context, fd: number): Uint8Array {
  const entry = context.fds.get(fd);
  if (entry.kind !== "directory" || entry.preopenPath === undefined) throw new ErrnoError(ERRNO.BADF);
  return UTF8.encode(entry.preopenPath);
}

function fdstatOf(entry: OpenEntry): Fdstat {
  switch (entry.kind) {
    case "directory":
      return {
        filetype: FILETYPE.DIRECTORY,
        flags: 0,
        rights: DIRECTORY_RIGHTS,
        inheriting: DIRECTORY_RIGHTS | FILE_RIGHTS,
      };
    case "file": {
      const flags = entry.descriptor.getFlags();
      return {
        filetype: filetypeOf(entry.descriptor.getType()),
        flags: syncFlagsOf(flags) | (entry.append ? FDFLAGS.APPEND : 0) | (entry.nonblock ? FDFLAGS.NONBLOCK : 0),
        rights: FILE_RIGHTS & ~((flags.read ? 0n : RIGHTS.FD_READ) | (flags.write ? 0n : RIGHTS.FD_WRITE)),
        inheriting: 0n,
      };
    }
    default:
      // No right to seek or tell: with the file type it is what C libraries take for a terminal.
      return {
        filetype: entry.terminal ? FILETYPE.CHARACTER_DEVICE : FILETYPE.UNKNOWN,
        flags: entry.nonblock ? FDFLAGS.NONBLOCK : 0,
        rights: (entry.kind === "input" ? RIGHTS.FD_READ : RIGHTS.FD_WRITE) | RIGHTS.POLL_FD_READWRITE,
        inheriting: 0n,
      };
  }
}

function syncFlagsOf(flags: DescriptorFlags): number {
  return (
    (flags.fileIntegritySync ? FDFLAGS.SYNC : 0) |
    (flags.dataIntegritySync ? FDFLAGS.DSYNC : 0) |
    (flags.requestedWriteSync ? FDFLAGS.RSYNC : 0)
  );
}
