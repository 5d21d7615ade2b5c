import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRNO } from "./errno.ts";
import { FDFLAGS, FSTFLAGS, OFLAGS, RIGHTS } from "./flags.ts";
import { makeGuestWithFolder, type TestGuest } from "./test-guest.ts";

const BOTH = RIGHTS.FD_READ | RIGHTS.FD_WRITE;
const FOLLOW = 1;

/** Puts two paths into memory; returns both as arguments. */
function putPaths(guest: TestGuest, first: string, second: string): [[number, number], [number, number]] {
  return [guest.put(1000, first), guest.put(1500, second)];
}

function openErrno(guest: TestGuest, path: string, oflags: number, rights: bigint, flags = 0): Promise<number> {
  return guest.call("path_open", 3, flags, ...guest.put(1000, path), oflags, rights, 0n, 0, 996);
}

test.each([
  ["a file", "file", 0, RIGHTS.FD_READ, ERRNO.SUCCESS],
  ["a missing file", "none", 0, RIGHTS.FD_READ, ERRNO.NOENT],
  ["a new file", "new", OFLAGS.CREAT, BOTH, ERRNO.SUCCESS],
  ["a new file without any right", "new", OFLAGS.CREAT, 0n, ERRNO.SUCCESS],
  ["a new file that exists", "file", OFLAGS.CREAT | OFLAGS.EXCL, BOTH, ERRNO.EXIST],
  ["a directory", "dir", OFLAGS.DIRECTORY, 0n, ERRNO.SUCCESS],
  ["a directory without asking for one", "dir", 0, 0n, ERRNO.SUCCESS],
  ["a directory for writing", "dir", 0, BOTH, ERRNO.ISDIR],
  ["a file as a directory", "file", OFLAGS.DIRECTORY, 0n, ERRNO.NOTDIR],
  ["a name below a file", "file/x", 0, 0n, ERRNO.NOTDIR],
  ["an empty path", "", 0, 0n, ERRNO.NOENT],
  ["the parent", "..", 0, 0n, ERRNO.PERM],
  ["a path out and back", "dir/../../x", 0, 0n, ERRNO.PERM],
  ["an absolute path", "/etc/passwd", 0, RIGHTS.FD_READ, ERRNO.PERM],
  ["a NUL", "a\0b", 0, 0n, ERRNO.INVAL],
])("path_open: %s (%s) gives the right errno", async (_what, path, oflags, rights, errno) => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "file"), "text");
  mkdirSync(join(folder, "dir"));
  expect(await openErrno(guest, path, oflags, rights)).toBe(errno);
});

test("path_open: a link is followed only when asked, and never out", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "file"), "text");
  symlinkSync("file", join(folder, "inside"));
  symlinkSync("/etc/passwd", join(folder, "outside"));
  symlinkSync("../../etc/passwd", join(folder, "upwards"));
  expect(await openErrno(guest, "inside", 0, RIGHTS.FD_READ)).toBe(ERRNO.LOOP);
  expect(await openErrno(guest, "inside", 0, RIGHTS.FD_READ, FOLLOW)).toBe(ERRNO.SUCCESS);
  expect(await openErrno(guest, "outside", 0, RIGHTS.FD_READ, FOLLOW)).toBe(ERRNO.PERM);
  expect(await openErrno(guest, "upwards", 0, RIGHTS.FD_READ, FOLLOW)).toBe(ERRNO.PERM);
});

test("path_open: O_TRUNC empties the file", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "file"), "text");
  expect(await openErrno(guest, "file", OFLAGS.TRUNC, BOTH)).toBe(ERRNO.SUCCESS);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("");
});

test("path_open: below an opened directory, which may be changed as its preopen may", async () => {
  const { guest, folder } = makeGuestWithFolder();
  mkdirSync(join(folder, "dir"));
  const dirFd = await guest.open("dir", { oflags: OFLAGS.DIRECTORY });
  await guest.open("inner", { oflags: OFLAGS.CREAT, rights: BOTH, dirFd });
  expect(await guest.call("path_create_directory", dirFd, ...guest.put(1000, "sub"))).toBe(ERRNO.SUCCESS);
  expect(readdirSync(join(folder, "dir")).toSorted()).toEqual(["inner", "sub"]);
  expect(await guest.call("path_open", dirFd, 0, ...guest.put(1000, "../x"), 0, 0n, 0n, 0, 996)).toBe(ERRNO.PERM);
});

test.each([
  [1, ERRNO.NOTDIR],
  [4, ERRNO.NOTDIR],
  [9, ERRNO.BADF],
])("paths: relative to descriptor %i, no directory, give errno %i", async (fd, errno) => {
  const { guest } = makeGuestWithFolder();
  await guest.open("file", { oflags: OFLAGS.CREAT });
  const path = guest.put(1000, "x");
  expect(await guest.call("path_open", fd, 0, ...path, OFLAGS.CREAT, BOTH, 0n, 0, 996)).toBe(errno);
  expect(await guest.call("path_filestat_get", fd, 0, ...path, 0)).toBe(errno);
  expect(await guest.call("path_unlink_file", fd, ...path)).toBe(errno);
});

test("paths: a path outside memory is a fault, one that is not UTF-8 an illegal sequence", async () => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.call("path_create_directory", 3, 65_535, 2)).toBe(ERRNO.FAULT);
  expect(await guest.call("path_create_directory", 3, ...guest.put(1000, Buffer.from([0xff])))).toBe(ERRNO.ILSEQ);
  expect(await guest.call("path_create_directory", 3, 0, 60_000)).toBe(ERRNO.NAMETOOLONG);
});

test("path_open: a result that cannot be stored is a fault before anything is created", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const path = guest.put(1000, "new");
  expect(await guest.call("path_open", 3, 0, ...path, OFLAGS.CREAT, BOTH, 0n, 0, 65_533)).toBe(ERRNO.FAULT);
  expect(readdirSync(folder)).toEqual([]);
});

test("directories: are created, told and removed", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const path = guest.put(1000, "dir");
  expect(await guest.call("path_create_directory", 3, ...path)).toBe(ERRNO.SUCCESS);
  expect(await guest.call("path_create_directory", 3, ...path)).toBe(ERRNO.EXIST);
  expect(await guest.call("path_filestat_get", 3, 0, ...path, 0)).toBe(ERRNO.SUCCESS);
  expect(guest.view.getUint8(16)).toBe(3);
  writeFileSync(join(folder, "dir/file"), "");
  expect(await guest.call("path_remove_directory", 3, ...path)).toBe(ERRNO.NOTEMPTY);
  expect(await guest.call("path_unlink_file", 3, ...guest.put(1000, "dir/file"))).toBe(ERRNO.SUCCESS);
  expect(await guest.call("path_remove_directory", 3, ...guest.put(1000, "dir"))).toBe(ERRNO.SUCCESS);
  expect(readdirSync(folder)).toEqual([]);
});

test("path_filestat_get: tells the link or, followed, what it points to", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "file"), "12345");
  symlinkSync("file", join(folder, "link"));
  await guest.call("path_filestat_get", 3, 0, ...guest.put(1000, "link"), 0);
  expect(guest.view.getUint8(16)).toBe(7);
  await guest.call("path_filestat_get", 3, FOLLOW, ...guest.put(1000, "link"), 0);
  expect([guest.view.getUint8(16), guest.u64(32)]).toEqual([4, 5n]);
});

test("path_filestat_set_times: sets the times of the link or, followed, of the file", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "file"), "");
  symlinkSync("file", join(folder, "link"));
  const linkNs = 1_000_000_000_000_000_000n;
  const fileNs = 1_100_000_000_000_000_000n;
  const path = guest.put(1000, "link");
  const setTimes = (flags: number, ns: bigint): Promise<number> =>
    guest.call("path_filestat_set_times", 3, flags, ...path, ns, ns, FSTFLAGS.MTIM);
  expect([await setTimes(0, linkNs), await setTimes(FOLLOW, fileNs)]).toEqual([ERRNO.SUCCESS, ERRNO.SUCCESS]);
  expect(lstatSync(join(folder, "link"), { bigint: true }).mtimeNs).toBe(linkNs);
  expect(lstatSync(join(folder, "file"), { bigint: true }).mtimeNs).toBe(fileNs);
});

test("path_link and path_rename: between two directories of one preopen", async () => {
  const { guest, folder } = makeGuestWithFolder();
  mkdirSync(join(folder, "dir"));
  writeFileSync(join(folder, "file"), "text");
  const dirFd = await guest.open("dir", { oflags: OFLAGS.DIRECTORY });
  const [oldPath, newPath] = putPaths(guest, "file", "linked");
  expect(await guest.call("path_link", 3, 0, ...oldPath, dirFd, ...newPath)).toBe(ERRNO.SUCCESS);
  expect(lstatSync(join(folder, "file")).nlink).toBe(2);
  const [from, to] = putPaths(guest, "linked", "moved");
  expect(await guest.call("path_rename", dirFd, ...from, 3, ...to)).toBe(ERRNO.SUCCESS);
  expect(readdirSync(folder).toSorted()).toEqual(["dir", "file", "moved"]);
  expect(readdirSync(join(folder, "dir"))).toEqual([]);
});

test("path_symlink: inside is stored as given, an absolute target is refused", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const [target, path] = putPaths(guest, "some/where", "link");
  expect(await guest.call("path_symlink", ...target, 3, ...path)).toBe(ERRNO.SUCCESS);
  expect(readlinkSync(join(folder, "link"))).toBe("some/where");
  const [absolute, other] = putPaths(guest, "/etc/passwd", "other");
  expect(await guest.call("path_symlink", ...absolute, 3, ...other)).toBe(ERRNO.PERM);
  expect(readdirSync(folder)).toEqual(["link"]);
});

test.each([
  [10, "target"],
  [6, "target"],
  [4, "targ"],
  [0, ""],
])("path_readlink: a buffer of %i bytes gets %j and nothing behind it", async (room, told) => {
  const { guest, folder } = makeGuestWithFolder();
  symlinkSync("target", join(folder, "link"));
  expect(await guest.call("path_readlink", 3, ...guest.put(1000, "link"), 2000, room, 80)).toBe(ERRNO.SUCCESS);
  expect(guest.u32(80)).toBe(told.length);
  expect(guest.text(2000, 10)).toBe(told.padEnd(10, "\0"));
});

test("contract: nothing in a read-only preopen can be changed", async () => {
  const { guest, folder } = makeGuestWithFolder(false);
  mkdirSync(join(folder, "dir"));
  writeFileSync(join(folder, "file"), "text");
  const [file, other] = putPaths(guest, "file", "other");
  const dir = guest.put(1700, "dir");
  const attempts = {
    open_for_writing: await guest.call("path_open", 3, 0, ...file, 0, BOTH, 0n, 0, 996),
    create: await guest.call("path_open", 3, 0, ...other, OFLAGS.CREAT, 0n, 0n, 0, 996),
    truncate: await guest.call("path_open", 3, 0, ...file, OFLAGS.TRUNC, 0n, 0n, 0, 996),
    mkdir: await guest.call("path_create_directory", 3, ...other),
    rmdir: await guest.call("path_remove_directory", 3, ...dir),
    unlink: await guest.call("path_unlink_file", 3, ...file),
    link: await guest.call("path_link", 3, 0, ...file, 3, ...other),
    symlink: await guest.call("path_symlink", ...file, 3, ...other),
    rename: await guest.call("path_rename", 3, ...file, 3, ...other),
    set_times: await guest.call("path_filestat_set_times", 3, 0, ...file, 0n, 0n, FSTFLAGS.MTIM_NOW),
    set_directory_times: await guest.call("fd_filestat_set_times", 3, 0n, 0n, FSTFLAGS.MTIM_NOW),
  };
  expect(Object.entries(attempts).filter(([, errno]) => errno !== ERRNO.ROFS)).toEqual([]);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("text");
  expect(existsSync(join(folder, "other"))).toBe(false);
  const fd = await guest.open("file", { rights: RIGHTS.FD_READ });
  expect(await guest.read(fd, 10)).toBe("text");
});

/** How many of this process's descriptors are in `folder`. */
function countOpenIn(folder: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false; // the descriptor of this very listing
    }
  }).length;
}

test("descriptors: a closed one holds nothing of the host's, nor what it was appended and listed through", async () => {
  const { guest, folder } = makeGuestWithFolder();
  await guest.call("path_create_directory", 3, ...guest.put(1000, "dir"));
  const before = countOpenIn(folder);
  const dirFd = await guest.open("dir", { oflags: OFLAGS.DIRECTORY });
  await guest.call("fd_readdir", dirFd, 4000, 100, 0n, 80);
  const fileFd = await guest.open("file", { oflags: OFLAGS.CREAT, rights: BOTH, fdflags: FDFLAGS.APPEND });
  await guest.write(fileFd, "x");
  expect(countOpenIn(folder)).toBe(before + 4);
  expect(await guest.call("fd_close", dirFd)).toBe(ERRNO.SUCCESS);
  expect(await guest.call("fd_close", fileFd)).toBe(ERRNO.SUCCESS);
  expect(countOpenIn(folder)).toBe(before);
});

test("descriptors: all are closed with the host", async () => {
  const { guest, folder } = makeGuestWithFolder();
  for (let index = 0; index < 5; index += 1) {
    const create = { oflags: OFLAGS.CREAT, rights: BOTH, fdflags: FDFLAGS.APPEND };
    await guest.write(await guest.open(`${index}`, create), "x");
  }
  await guest.call("fd_readdir", 3, 4000, 100, 0n, 80);
  expect(countOpenIn(folder)).toBeGreaterThan(10);
  guest.scope.close();
  expect(countOpenIn(folder)).toBe(0);
});
