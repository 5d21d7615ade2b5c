import { statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRNO } from "./errno.ts";
import { DIRECTORY_RIGHTS, FDFLAGS, FILE_RIGHTS, FSTFLAGS, OFLAGS, RIGHTS } from "./flags.ts";
import { makeGuestWithFolder, TestGuest } from "./test-guest.ts";

const BOTH = { rights: RIGHTS.FD_READ | RIGHTS.FD_WRITE };
const CREATE = { ...BOTH, oflags: OFLAGS.CREAT };

function fdstatAt(guest: TestGuest, pointer: number): { filetype: number; flags: number; rights: bigint } {
  return {
    filetype: guest.view.getUint8(pointer),
    flags: guest.view.getUint16(pointer + 2, true),
    rights: guest.u64(pointer + 8),
  };
}

test.each([
  [true, 2],
  [false, 0],
])(
  "fdstat: a standard stream that is a terminal (%s) has file type %i and no right to seek",
  async (stdout, filetype) => {
    const guest = new TestGuest({ terminals: { stdout } });
    expect(await guest.call("fd_fdstat_get", 1, 0)).toBe(ERRNO.SUCCESS);
    const { rights, ...rest } = fdstatAt(guest, 0);
    expect(rest).toEqual({ filetype, flags: 0 });
    expect(rights & (RIGHTS.FD_SEEK | RIGHTS.FD_TELL | RIGHTS.FD_READ)).toBe(0n);
    expect(rights & RIGHTS.FD_WRITE).toBe(RIGHTS.FD_WRITE);
  },
);

test("fdstat: a directory may be listed but not read, and hands on the rights of files", async () => {
  const { guest } = makeGuestWithFolder();
  await guest.call("fd_fdstat_get", 3, 0);
  expect(fdstatAt(guest, 0)).toEqual({ filetype: 3, flags: 0, rights: DIRECTORY_RIGHTS });
  expect(DIRECTORY_RIGHTS & (RIGHTS.FD_READ | RIGHTS.FD_WRITE | RIGHTS.FD_SEEK)).toBe(0n);
  expect(guest.u64(16)).toBe(DIRECTORY_RIGHTS | FILE_RIGHTS);
});

test.each([
  ["reading", RIGHTS.FD_READ, FILE_RIGHTS & ~RIGHTS.FD_WRITE],
  ["writing", RIGHTS.FD_WRITE, FILE_RIGHTS & ~RIGHTS.FD_READ],
  ["both", RIGHTS.FD_READ | RIGHTS.FD_WRITE, FILE_RIGHTS],
])("fdstat: a file opened for %s says so", async (_what, rights, told) => {
  const { guest } = makeGuestWithFolder();
  const fd = await guest.open("f", { rights, oflags: OFLAGS.CREAT });
  await guest.call("fd_fdstat_get", fd, 0);
  expect(fdstatAt(guest, 0)).toEqual({ filetype: 4, flags: 0, rights: told });
});

test.each([FDFLAGS.APPEND, FDFLAGS.NONBLOCK, FDFLAGS.SYNC, FDFLAGS.DSYNC, FDFLAGS.APPEND | FDFLAGS.SYNC])(
  "fdstat: flags %i given to path_open are told",
  async (fdflags) => {
    const { guest } = makeGuestWithFolder();
    const fd = await guest.open("f", { ...CREATE, fdflags });
    await guest.call("fd_fdstat_get", fd, 0);
    expect(fdstatAt(guest, 0).flags).toBe(fdflags);
  },
);

test.each([
  ["append and nonblock", FDFLAGS.APPEND | FDFLAGS.NONBLOCK, ERRNO.SUCCESS, FDFLAGS.APPEND | FDFLAGS.NONBLOCK],
  ["a change of how writes reach the disk", FDFLAGS.SYNC, ERRNO.INVAL, 0],
  ["an unknown flag", 32, ERRNO.INVAL, 0],
])("fdstat_set_flags: %s", async (_what, flags, errno, told) => {
  const { guest } = makeGuestWithFolder();
  const fd = await guest.open("f", CREATE);
  expect(await guest.call("fd_fdstat_set_flags", fd, flags)).toBe(errno);
  await guest.call("fd_fdstat_get", fd, 0);
  expect(fdstatAt(guest, 0).flags).toBe(told);
});

test("filestat: a file's size, type, links and times are the host's", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const path = join(folder, "f");
  writeFileSync(path, "12345");
  const fd = await guest.open("f", BOTH);
  expect(await guest.call("fd_filestat_get", fd, 0)).toBe(ERRNO.SUCCESS);
  expect([guest.view.getUint8(16), guest.u64(24), guest.u64(32)]).toEqual([4, 1n, 5n]);
  expect(guest.u64(48)).toBe(statSync(path, { bigint: true }).mtimeNs);
});

test("filestat: two files differ in ino, one file does not, and the host's inode is not told", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "a"), "");
  writeFileSync(join(folder, "b"), "");
  const inos: bigint[] = [];
  for (const name of ["a", "b", "a"]) {
    await guest.call("fd_filestat_get", await guest.open(name, BOTH), 0);
    inos.push(guest.u64(8));
  }
  expect(inos[0]).toBe(inos[2]);
  expect(inos[0]).not.toBe(inos[1]);
  expect(inos).not.toContain(statSync(join(folder, "a"), { bigint: true }).ino);
});

test.each([
  [{ stdin: true }, 2],
  [{}, 0],
])("filestat: standard input with terminals %j has file type %i", async (terminals, filetype) => {
  const guest = new TestGuest({ terminals });
  expect(await guest.call("fd_filestat_get", 0, 0)).toBe(ERRNO.SUCCESS);
  expect(guest.view.getUint8(16)).toBe(filetype);
});

test("filestat_set_size: cuts and extends", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const path = join(folder, "f");
  writeFileSync(path, "12345");
  const fd = await guest.open("f", BOTH);
  expect(await guest.call("fd_filestat_set_size", fd, 2n)).toBe(ERRNO.SUCCESS);
  expect(statSync(path).size).toBe(2);
  expect(await guest.call("fd_filestat_set_size", fd, 9n)).toBe(ERRNO.SUCCESS);
  expect(statSync(path).size).toBe(9);
  expect(await guest.call("fd_filestat_set_size", fd, -1n)).toBe(ERRNO.FBIG);
  expect(await guest.call("fd_filestat_set_size", 3, 0n)).toBe(ERRNO.ISDIR);
});

test("filestat_set_times: sets what the flags name and leaves the rest", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const path = join(folder, "f");
  writeFileSync(path, "");
  const { atimeNs } = statSync(path, { bigint: true });
  const fd = await guest.open("f", BOTH);
  const modifiedNs = 1_000_000_000_500_000_000n;
  expect(await guest.call("fd_filestat_set_times", fd, 5n, modifiedNs, FSTFLAGS.MTIM)).toBe(ERRNO.SUCCESS);
  const after = statSync(path, { bigint: true });
  expect([after.mtimeNs, after.atimeNs]).toEqual([modifiedNs, atimeNs]);
});

test.each([FSTFLAGS.ATIM | FSTFLAGS.ATIM_NOW, FSTFLAGS.MTIM | FSTFLAGS.MTIM_NOW])(
  "filestat_set_times: contradicting flags %i are invalid",
  async (flags) => {
    const { guest } = makeGuestWithFolder();
    expect(await guest.call("fd_filestat_set_times", 3, 0n, 0n, flags)).toBe(ERRNO.INVAL);
  },
);

test("prestat: preopens follow the standard streams, and the next descriptor ends the search", async () => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.call("fd_prestat_get", 2, 0)).toBe(ERRNO.BADF);
  expect(await guest.call("fd_prestat_get", 3, 0)).toBe(ERRNO.SUCCESS);
  expect([guest.u32(0), guest.u32(4)]).toEqual([0, 1]);
  expect(await guest.call("fd_prestat_dir_name", 3, 16, 1)).toBe(ERRNO.SUCCESS);
  expect(guest.text(16, 1)).toBe("/");
  expect(await guest.call("fd_prestat_dir_name", 3, 16, 0)).toBe(ERRNO.NAMETOOLONG);
  expect(await guest.call("fd_prestat_get", 4, 0)).toBe(ERRNO.BADF);
  const opened = await guest.open(".", { oflags: OFLAGS.DIRECTORY });
  expect(await guest.call("fd_prestat_get", opened, 0)).toBe(ERRNO.BADF);
});

test.each([
  [0, ERRNO.SUCCESS],
  [5, ERRNO.SUCCESS],
  [6, ERRNO.INVAL],
  [-1, ERRNO.INVAL],
])("advise: advice %i gives errno %i", async (advice, errno) => {
  const { guest } = makeGuestWithFolder();
  const fd = await guest.open("f", CREATE);
  expect(await guest.call("fd_advise", fd, 0n, 10n, advice)).toBe(errno);
});

test("allocate and rights: what WASI 0.2 has no call for is refused, not pretended", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const fd = await guest.open("f", CREATE);
  truncateSync(join(folder, "f"), 3);
  expect(await guest.call("fd_allocate", fd, 0n, 10n)).toBe(ERRNO.NOTSUP);
  expect(statSync(join(folder, "f")).size).toBe(3);
  expect(await guest.call("fd_fdstat_set_rights", fd, 0n, 0n)).toBe(ERRNO.NOTSUP);
  expect(await guest.call("fd_allocate", 9, 0n, 10n)).toBe(ERRNO.BADF);
  expect(await guest.call("fd_fdstat_set_rights", 9, 0n, 0n)).toBe(ERRNO.BADF);
});
