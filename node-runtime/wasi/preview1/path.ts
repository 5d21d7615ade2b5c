import type { Descriptor } from "../filesystem/descriptor.ts";
import type { DescriptorFlags, OpenFlags, PathFlags } from "../filesystem/types.ts";
import type { Body, Context } from "./context.ts";
import type { OpenEntry } from "./fd-table.ts";
import { newTimestamps } from "./fd-state.ts";
import { FDFLAGS, hasFlag, LOOKUPFLAGS, OFLAGS, RIGHTS } from "./flags.ts";
import { FILESTAT_SIZE, writeFilestat } from "./layout.ts";

const UTF8 = new TextEncoder();

/** Returns the `path_*` functions: all confined to a directory descriptor by the host's resolver. */
export function createPathFunctions(context: Context): Record<string, Body> {
  const { memory } = context;
  const directory = (fd: number): Descriptor => context.fds.directory(fd).descriptor;

  return {
    path_create_directory: (fd: number, path: number, length: number) =>
      directory(fd).createDirectoryAt(memory.path(path, length)),

    path_filestat_get(fd: number, flags: number, path: number, length: number, result: number) {
      const descriptor = directory(fd);
      const name = memory.path(path, length);
      const view = memory.struct(result, FILESTAT_SIZE);
      const stat = descriptor.statAt(pathFlagsOf(flags), name);
      writeFilestat(view, stat, descriptor.metadataHashAt(pathFlagsOf(flags), name).lower);
    },

    path_filestat_set_times(
      fd: number,
      flags: number,
      path: number,
      length: number,
      access: bigint,
      modification: bigint,
      timeFlags: number,
    ) {
      const times = newTimestamps(access, modification, timeFlags);
      directory(fd).setTimesAt(pathFlagsOf(flags), memory.path(path, length), ...times);
    },

    path_link(
      oldFd: number,
      oldFlags: number,
      oldPath: number,
      oldLength: number,
      newFd: number,
      newPath: number,
      newLength: number,
    ) {
      const target = memory.path(oldPath, oldLength);
      directory(oldFd).linkAt(pathFlagsOf(oldFlags), target, directory(newFd), memory.path(newPath, newLength));
    },

    path_open(
      fd: number,
      flags: number,
      path: number,
      length: number,
      oflags: number,
      rights: bigint,
      _inheriting: bigint,
      fdflags: number,
      result: number,
    ) {
      const parent = directory(fd);
      const name = memory.path(path, length);
      memory.check(result, 4);
      const wanted = descriptorFlagsOf(rights, fdflags);
      const descriptor = parent.openAt(pathFlagsOf(flags), name, openFlagsOf(oflags), wanted);
      memory.writeU32(result, context.fds.add(entryOf(descriptor, fdflags)));
    },

    path_readlink(fd: number, path: number, length: number, pointer: number, room: number, result: number) {
      const descriptor = directory(fd);
      const name = memory.path(path, length);
      memory.bytes(pointer, room);
      memory.check(result, 4);
      const target = UTF8.encode(descriptor.readlinkAt(name)).subarray(0, room >>> 0);
      memory.write(pointer, target);
      memory.writeU32(result, target.length);
    },

    path_remove_directory: (fd: number, path: number, length: number) =>
      directory(fd).removeDirectoryAt(memory.path(path, length)),

    path_rename(oldFd: number, oldPath: number, oldLength: number, newFd: number, newPath: number, newLength: number) {
      const from = memory.path(oldPath, oldLength);
      directory(oldFd).renameAt(from, directory(newFd), memory.path(newPath, newLength));
    },

    path_symlink(target: number, targetLength: number, fd: number, path: number, length: number) {
      directory(fd).symlinkAt(memory.path(target, targetLength), memory.path(path, length));
    },

    path_unlink_file: (fd: number, path: number, length: number) =>
      directory(fd).unlinkFileAt(memory.path(path, length)),
  };
}

function entryOf(descriptor: Descriptor, fdflags: number): OpenEntry {
  if (descriptor.getType() === "directory") return { kind: "directory", descriptor };
  return {
    kind: "file",
    descriptor,
    position: 0n,
    append: hasFlag(fdflags, FDFLAGS.APPEND),
    nonblock: hasFlag(fdflags, FDFLAGS.NONBLOCK),
  };
}

function pathFlagsOf(flags: number): PathFlags {
  return { symlinkFollow: hasFlag(flags, LOOKUPFLAGS.SYMLINK_FOLLOW) };
}

function openFlagsOf(oflags: number): OpenFlags {
  return {
    create: hasFlag(oflags, OFLAGS.CREAT),
    directory: hasFlag(oflags, OFLAGS.DIRECTORY),
    exclusive: hasFlag(oflags, OFLAGS.EXCL),
    truncate: hasFlag(oflags, OFLAGS.TRUNC),
  };
}

/** Preview 1 asks by rights. What asks for neither reading nor writing is opened for reading, as to be looked at. */
function descriptorFlagsOf(rights: bigint, fdflags: number): DescriptorFlags {
  const write = (rights & RIGHTS.FD_WRITE) !== 0n;
  return {
    read: (rights & (RIGHTS.FD_READ | RIGHTS.FD_READDIR)) !== 0n || !write,
    write,
    fileIntegritySync: hasFlag(fdflags, FDFLAGS.SYNC),
    dataIntegritySync: hasFlag(fdflags, FDFLAGS.DSYNC),
    requestedWriteSync: hasFlag(fdflags, FDFLAGS.RSYNC),
  };
}
