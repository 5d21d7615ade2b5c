import { expect, test } from "vitest";
import { ERRNO } from "./errno.ts";
import { FdTable } from "./fd-table.ts";
import { OFLAGS, RIGHTS } from "./flags.ts";
import { makeGuestWithFolder, TestGuest } from "./test-guest.ts";

const CREATE = { oflags: OFLAGS.CREAT, rights: RIGHTS.FD_READ | RIGHTS.FD_WRITE };

test("fd table: a new descriptor gets the lowest free number", async () => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.open("a", CREATE)).toBe(4);
  expect(await guest.open("b", CREATE)).toBe(5);
  expect(await guest.call("fd_close", 4)).toBe(ERRNO.SUCCESS);
  expect(await guest.call("fd_close", 0)).toBe(ERRNO.SUCCESS);
  expect(await guest.open("c", CREATE)).toBe(0);
  expect(await guest.open("d", CREATE)).toBe(4);
});

test.each([4, -1, 1024, 2 ** 31 - 1])("fd table: %i is not open", async (fd) => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.call("fd_close", fd)).toBe(ERRNO.BADF);
  expect(await guest.call("fd_renumber", 1, fd)).toBe(ERRNO.BADF);
  expect(await guest.call("fd_renumber", fd, 1)).toBe(ERRNO.BADF);
});

test("fd table: renumbering moves the entry and closes what it replaces", async () => {
  const { guest } = makeGuestWithFolder();
  const a = await guest.open("a", CREATE);
  const b = await guest.open("b", CREATE);
  await guest.write(a, "to a");
  expect(await guest.call("fd_renumber", a, b)).toBe(ERRNO.SUCCESS);
  expect(await guest.call("fd_tell", a, 0)).toBe(ERRNO.BADF);
  expect(await guest.call("fd_tell", b, 0)).toBe(ERRNO.SUCCESS);
  expect(guest.u64(0)).toBe(4n);
});

test("fd table: renumbering a descriptor to itself leaves it open", async () => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.call("fd_renumber", 3, 3)).toBe(ERRNO.SUCCESS);
  expect(await guest.call("fd_prestat_get", 3, 0)).toBe(ERRNO.SUCCESS);
});

test("fd table: standard output renumbered to a file's number still writes to standard output", async () => {
  const { guest } = makeGuestWithFolder();
  const file = await guest.open("a", CREATE);
  expect(await guest.call("fd_renumber", 1, file)).toBe(ERRNO.SUCCESS);
  expect(await guest.write(file, "hi")).toEqual([ERRNO.SUCCESS, 2]);
  expect(Buffer.from(guest.stdout.take(9)!).toString()).toBe("hi");
  expect((await guest.write(1, "hi"))[0]).toBe(ERRNO.BADF);
});

test("fd table: the number of descriptors is bounded, and the one too many is closed", () => {
  const { host } = new TestGuest();
  const table = new FdTable(host);
  let closed = 0;
  const makeDirectory = (): Parameters<FdTable["add"]>[0] => {
    const descriptor = { [Symbol.dispose]: () => (closed += 1) };
    return { kind: "directory", descriptor: descriptor as never };
  };
  for (let fd = 3; fd < 1024; fd += 1) expect(table.add(makeDirectory())).toBe(fd);
  expect(() => table.add(makeDirectory())).toThrow(`errno ${ERRNO.MFILE}`);
  expect(closed).toBe(1);
  table.renumber(78, 79);
  expect(closed).toBe(2);
  expect(table.add(makeDirectory())).toBe(78);
  table.close(77);
  expect(closed).toBe(3);
  expect(table.add(makeDirectory())).toBe(77);
});
