import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HostClosedError } from "../errors.ts";
import { ERRNO } from "./errno.ts";
import { FDFLAGS, OFLAGS, RIGHTS } from "./flags.ts";
import { makeGuestWithFolder, settle, TestGuest } from "./test-guest.ts";

const BOTH = { rights: RIGHTS.FD_READ | RIGHTS.FD_WRITE };
const CREATE = { ...BOTH, oflags: OFLAGS.CREAT };
const SET = 0;
const CUR = 1;
const END = 2;

function taken(pipe: TestGuest["stdout"]): string {
  return Buffer.from(pipe.take(65_536) ?? []).toString();
}

test("stdout: several iovecs are written in order, at once, without suspending the guest", () => {
  const guest = new TestGuest();
  const list = guest.putIovecs(0, guest.put(100, "one "), [0, 0], guest.put(200, "two"));
  expect(guest.start("fd_write", 1, ...list, 80)).toBe(ERRNO.SUCCESS);
  expect(guest.u32(80)).toBe(7);
  expect(taken(guest.stdout)).toBe("one two");
});

test("stderr: is a stream of its own", async () => {
  const guest = new TestGuest();
  expect(await guest.write(2, "oops")).toEqual([ERRNO.SUCCESS, 4]);
  expect(taken(guest.stderr)).toBe("oops");
  expect(guest.stdout.queuedBytes).toBe(0);
});

test("stdout: a guest that writes faster than is read waits, and all arrives in order", async () => {
  const guest = new TestGuest({ stdoutBytes: 4 });
  const pending = guest.write(1, "0123456789");
  let received = "";
  for (let turn = 0; turn < 3; turn += 1) {
    await settle();
    expect(guest.stdout.queuedBytes).toBeLessThanOrEqual(4);
    received += taken(guest.stdout);
  }
  expect(await pending).toEqual([ERRNO.SUCCESS, 10]);
  expect(received).toBe("0123456789");
});

test("stdout: non-blocking, what fits is written, then the guest is told to come again after a turn", async () => {
  const guest = new TestGuest({ stdoutBytes: 4 });
  expect(await guest.call("fd_fdstat_set_flags", 1, FDFLAGS.NONBLOCK)).toBe(ERRNO.SUCCESS);
  expect(await guest.write(1, "0123456789")).toEqual([ERRNO.SUCCESS, 4]);
  let turned = false;
  setImmediate(() => (turned = true));
  expect((await guest.write(1, "456789"))[0]).toBe(ERRNO.AGAIN);
  expect(turned).toBe(true);
});

test("stdout: closed by its reader it is a broken pipe", async () => {
  const guest = new TestGuest();
  guest.stdout.cancel();
  expect((await guest.write(1, "x"))[0]).toBe(ERRNO.PIPE);
});

test("stdout: fd_sync resolves when its reader has everything", async () => {
  const guest = new TestGuest();
  await guest.write(1, "hello");
  let synced = false;
  const pending = guest.call("fd_sync", 1).then((errno) => {
    synced = true;
    return errno;
  });
  await settle();
  expect(synced).toBe(false);
  taken(guest.stdout);
  expect(await pending).toBe(ERRNO.SUCCESS);
});

test("stdin: what is there is read at once over several iovecs, and the end is 0 bytes", async () => {
  const guest = new TestGuest();
  guest.stdin.write(Buffer.from("abcdef"));
  guest.stdin.end();
  const list = guest.putIovecs(0, [100, 2], [0, 0], [200, 3]);
  expect(guest.start("fd_read", 0, ...list, 80)).toBe(ERRNO.SUCCESS);
  expect([guest.u32(80), guest.text(100, 2), guest.text(200, 3)]).toEqual([5, "ab", "cde"]);
  expect(await guest.read(0, 10)).toBe("f");
  expect(await guest.read(0, 10)).toBe("");
});

test("stdin: a guest waits for input and neighbours run meanwhile", async () => {
  const guest = new TestGuest();
  const pending = guest.read(0, 10);
  await settle();
  guest.stdin.write(Buffer.from("late"));
  expect(await pending).toBe("late");
});

test("stdin: non-blocking without input the guest is told to come again", async () => {
  const guest = new TestGuest();
  await guest.call("fd_fdstat_set_flags", 0, FDFLAGS.NONBLOCK);
  expect(await guest.call("fd_read", 0, ...guest.putIovecs(0, [100, 4]), 80)).toBe(ERRNO.AGAIN);
});

test("stdin: a guest that waits when the host closes is unwound and its memory stays as it is", async () => {
  const guest = new TestGuest();
  const pending = guest.read(0, 10);
  const before = Buffer.from(guest.memory.buffer).toString("hex");
  await settle();
  guest.scope.close();
  guest.stdin.write(Buffer.from("too late"));
  await expect(pending).rejects.toBeInstanceOf(HostClosedError);
  expect(Buffer.from(guest.memory.buffer).toString("hex")).toBe(before);
});

test("file: a read that ends after the host closed does not touch memory, which may be another guest's", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "f"), "secret");
  const fd = await guest.open("f", BOTH);
  const pending = guest.read(fd, 6);
  guest.scope.close();
  await expect(pending).rejects.toBeInstanceOf(HostClosedError);
  await settle();
  expect(Buffer.from(guest.memory.buffer).includes("secret")).toBe(false);
});

test.each([
  ["fd_read", 1],
  ["fd_write", 0],
  ["fd_read", 9],
  ["fd_write", -1],
])("streams: %s of descriptor %i is a bad descriptor", async (name, fd) => {
  const guest = new TestGuest();
  expect(await guest.call(name, fd, ...guest.putIovecs(0, [100, 4]), 80)).toBe(ERRNO.BADF);
});

test("streams: a result that cannot be stored is a fault before anything is written or read", async () => {
  const guest = new TestGuest();
  guest.stdin.write(Buffer.from("kept"));
  const list = guest.putIovecs(0, guest.put(100, "none"));
  expect(await guest.call("fd_write", 1, ...list, 65_533)).toBe(ERRNO.FAULT);
  expect(guest.stdout.queuedBytes).toBe(0);
  expect(await guest.call("fd_read", 0, ...list, 65_533)).toBe(ERRNO.FAULT);
  expect(await guest.read(0, 10)).toBe("kept");
});

test("file: reads and writes move the position; tell gives it", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const fd = await guest.open("f", CREATE);
  expect(await guest.write(fd, "hello ")).toEqual([ERRNO.SUCCESS, 6]);
  expect(await guest.write(fd, "world")).toEqual([ERRNO.SUCCESS, 5]);
  expect(readFileSync(join(folder, "f"), "utf8")).toBe("hello world");
  await guest.call("fd_tell", fd, 0);
  expect(guest.u64(0)).toBe(11n);
  expect(await guest.call("fd_seek", fd, 4n, SET, 0)).toBe(ERRNO.SUCCESS);
  expect([await guest.read(fd, 4), await guest.read(fd, 100), await guest.read(fd, 100)]).toEqual(["o wo", "rld", ""]);
});

test("file: pread and pwrite leave the position where it is", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "f"), "0123456789");
  const fd = await guest.open("f", BOTH);
  expect(await guest.call("fd_pread", fd, ...guest.putIovecs(0, [100, 2], [110, 1]), 4n, 80)).toBe(ERRNO.SUCCESS);
  expect([guest.u32(80), guest.text(100, 2), guest.text(110, 1)]).toEqual([3, "45", "6"]);
  expect(await guest.call("fd_pwrite", fd, ...guest.putIovecs(0, guest.put(100, "XY")), 8n, 80)).toBe(ERRNO.SUCCESS);
  expect(readFileSync(join(folder, "f"), "utf8")).toBe("01234567XY");
  await guest.call("fd_tell", fd, 0);
  expect(guest.u64(0)).toBe(0n);
});

test.each([
  [3n, SET, ERRNO.SUCCESS, 3n],
  [2n, CUR, ERRNO.SUCCESS, 3n],
  [-1n, CUR, ERRNO.SUCCESS, 0n],
  [-2n, END, ERRNO.SUCCESS, 8n],
  [5n, END, ERRNO.SUCCESS, 15n],
  [-1n, SET, ERRNO.INVAL, 1n],
  [-2n, CUR, ERRNO.INVAL, 1n],
  [-11n, END, ERRNO.INVAL, 1n],
  [2n ** 63n - 1n, CUR, ERRNO.INVAL, 1n],
  [0n, 3, ERRNO.INVAL, 1n],
])("file: seek by %i from %i gives errno %i and stands at %i", async (offset, whence, errno, position) => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "f"), "0123456789");
  const fd = await guest.open("f", BOTH);
  await guest.call("fd_seek", fd, 1n, SET, 0);
  expect(await guest.call("fd_seek", fd, offset, whence, 0)).toBe(errno);
  await guest.call("fd_tell", fd, 0);
  expect(guest.u64(0)).toBe(position);
});

test.each([
  [0, ERRNO.SPIPE],
  [1, ERRNO.SPIPE],
  [3, ERRNO.ISDIR],
])("seek: descriptor %i, which has no position, gives errno %i", async (fd, errno) => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.call("fd_seek", fd, 0n, SET, 0)).toBe(errno);
  expect(await guest.call("fd_tell", fd, 0)).toBe(errno);
  expect(await guest.call("fd_pread", fd, 0, 0, 0n, 0)).toBe(errno);
  expect(await guest.call("fd_pwrite", fd, 0, 0, 0n, 0)).toBe(errno);
});

test("file: appending writes at the end, wherever the guest stands and whoever wrote meanwhile", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const path = join(folder, "log");
  const fd = await guest.open("log", { ...CREATE, fdflags: FDFLAGS.APPEND });
  await guest.write(fd, "a");
  writeFileSync(path, "b", { flag: "a" });
  await guest.call("fd_seek", fd, 0n, SET, 0);
  expect(await guest.write(fd, "c")).toEqual([ERRNO.SUCCESS, 1]);
  expect(readFileSync(path, "utf8")).toBe("abc");
  await guest.call("fd_tell", fd, 0);
  expect(guest.u64(0)).toBe(3n);
});

test("file: appending is switched off and on by flags", async () => {
  const { guest, folder } = makeGuestWithFolder();
  const fd = await guest.open("f", CREATE);
  await guest.write(fd, "0123");
  await guest.call("fd_seek", fd, 0n, SET, 0);
  await guest.call("fd_fdstat_set_flags", fd, FDFLAGS.APPEND);
  await guest.write(fd, "4");
  await guest.call("fd_seek", fd, 0n, SET, 0);
  await guest.call("fd_fdstat_set_flags", fd, 0);
  await guest.write(fd, "X");
  expect(readFileSync(join(folder, "f"), "utf8")).toBe("X1234");
});

test("file: an append larger than the stream's buffer arrives whole", async () => {
  const { guest, folder } = makeGuestWithFolder();
  guest.memory.buffer = new ArrayBuffer(400_000);
  new Uint8Array(guest.memory.buffer).fill(0x61, 4096);
  const fd = await guest.open("f", { ...CREATE, fdflags: FDFLAGS.APPEND });
  expect(await guest.call("fd_write", fd, ...guest.putIovecs(0, [4096, 300_000]), 80)).toBe(ERRNO.SUCCESS);
  expect(guest.u32(80)).toBe(300_000);
  expect(readFileSync(join(folder, "f")).equals(Buffer.alloc(300_000, "a"))).toBe(true);
});

test.each([
  ["fd_read", RIGHTS.FD_WRITE],
  ["fd_write", RIGHTS.FD_READ],
])("file: %s of a file opened only for the other is a bad descriptor", async (name, rights) => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "f"), "text");
  const fd = await guest.open("f", { rights });
  expect(await guest.call(name, fd, ...guest.putIovecs(0, [100, 4]), 80)).toBe(ERRNO.BADF);
});

test("file: a read is bounded and the guest goes on with the rest", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "f"), Buffer.alloc(100_000, "z"));
  guest.memory.buffer = new ArrayBuffer(200_000);
  const fd = await guest.open("f", BOTH);
  const sizes: number[] = [];
  for (let call = 0; call < 3; call += 1) {
    await guest.call("fd_read", fd, ...guest.putIovecs(0, [4096, 150_000]), 80);
    sizes.push(guest.u32(80));
  }
  expect(sizes).toEqual([65_536, 34_464, 0]);
});

test.each([
  ["fd_sync", 3, ERRNO.SUCCESS],
  ["fd_datasync", 3, ERRNO.SUCCESS],
  ["fd_sync", 0, ERRNO.INVAL],
  ["fd_datasync", 7, ERRNO.BADF],
])("sync: %s of descriptor %i gives errno %i", async (name, fd, errno) => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.call(name, fd)).toBe(errno);
});

test("sync: a written file is synchronised", async () => {
  const { guest } = makeGuestWithFolder();
  const fd = await guest.open("f", CREATE);
  await guest.write(fd, "text");
  expect(await guest.call("fd_sync", fd)).toBe(ERRNO.SUCCESS);
  expect(await guest.call("fd_datasync", fd)).toBe(ERRNO.SUCCESS);
});
