import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRNO } from "./errno.ts";
import { makeGuestWithFolder, type TestGuest } from "./test-guest.ts";

interface Listed {
  name: string;
  next: bigint;
  ino: bigint;
  type: number;
}

/** Calls fd_readdir once; returns the whole entries and whether the listing ended. */
async function readDirectory(
  guest: TestGuest,
  room: number,
  cookie: bigint,
): Promise<{ entries: Listed[]; ended: boolean }> {
  expect(await guest.call("fd_readdir", 3, 100, room, cookie, 0)).toBe(ERRNO.SUCCESS);
  const used = guest.u32(0);
  const entries: Listed[] = [];
  for (let at = 100; at + 24 <= 100 + used;) {
    const end = at + 24 + guest.u32(at + 16);
    if (end > 100 + used) break;
    const name = guest.text(at + 24, guest.u32(at + 16));
    entries.push({ name, next: guest.u64(at), ino: guest.u64(at + 8), type: guest.view.getUint8(at + 20) });
    at = end;
  }
  return { entries, ended: used < room };
}

/** Lists everything as a C library does: on from the last whole entry until the buffer is not full. */
async function listAll(guest: TestGuest, room: number): Promise<string[]> {
  const names: string[] = [];
  let cookie = 0n;
  for (;;) {
    const { entries, ended } = await readDirectory(guest, room, cookie);
    names.push(...entries.map(({ name }) => name));
    if (ended) return names;
    cookie = entries.at(-1)!.next;
  }
}

test("readdir: entries have their type and the ino of their filestat, after . and ..", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "sub"));
  symlinkSync("file", join(folder, "link"));
  const { entries, ended } = await readDirectory(guest, 4096, 0n);
  expect(ended).toBe(true);
  expect(entries.slice(0, 2).map(({ name, type }) => [name, type])).toEqual([
    [".", 3],
    ["..", 3],
  ]);
  const types = Object.fromEntries(entries.slice(2).map(({ name, type }) => [name, type]));
  expect(types).toEqual({ file: 4, sub: 3, link: 7 });
  for (const { name, ino } of entries.filter(({ name }) => name !== "..")) {
    await guest.call("path_filestat_get", 3, 0, ...guest.put(5000, name), 6000);
    expect(guest.u64(6008)).toBe(ino);
  }
});

test("readdir: what is above a preopen is not told", async () => {
  const { guest } = makeGuestWithFolder();
  const { entries } = await readDirectory(guest, 4096, 0n);
  expect(entries[1]!.ino).toBe(entries[0]!.ino);
});

test.each([40, 100, 256, 4096])(
  "readdir: 200 entries are listed once each through a buffer of %i bytes",
  async (room) => {
    const { guest, folder } = makeGuestWithFolder();
    const names = Array.from({ length: 200 }, (_, index) => `entry-${index}`);
    for (const name of names) writeFileSync(join(folder, name), "");
    expect((await listAll(guest, room)).toSorted()).toEqual([".", "..", ...names].toSorted());
  },
);

test("readdir: a cookie goes back to where it was given", async () => {
  const { guest, folder } = makeGuestWithFolder();
  for (const name of ["a", "b", "c", "d"]) writeFileSync(join(folder, name), "");
  const { entries } = await readDirectory(guest, 4096, 0n);
  for (const index of [5, 2, 3, 0]) {
    const again = await readDirectory(guest, 4096, BigInt(index));
    expect(again.entries.map(({ name }) => name)).toEqual(entries.slice(index).map(({ name }) => name));
  }
});

test("readdir: from the start it sees what changed meanwhile", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "old"), "");
  expect(await listAll(guest, 4096)).toEqual([".", "..", "old"]);
  unlinkSync(join(folder, "old"));
  writeFileSync(join(folder, "new"), "");
  expect(await listAll(guest, 4096)).toEqual([".", "..", "new"]);
});

test.each([3n, 1000n, -1n])("readdir: a cookie behind the end (%i) lists nothing", async (cookie) => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "only"), "");
  expect(await readDirectory(guest, 4096, cookie)).toEqual({ entries: [], ended: true });
});

test("readdir: a name that is not Unicode is left out, the others are listed", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]), "");
  writeFileSync(join(folder, "fine"), "");
  expect(await listAll(guest, 4096)).toEqual([".", "..", "fine"]);
});

test("readdir: a long listing lets the neighbours run", async () => {
  const { guest, folder } = makeGuestWithFolder();
  for (let index = 0; index < 100; index += 1) writeFileSync(join(folder, `${index}`), "");
  let turned = false;
  setImmediate(() => (turned = true));
  await readDirectory(guest, 16_384, 0n);
  expect(turned).toBe(true);
});

test("readdir: no directory and no memory are told apart", async () => {
  const { guest } = makeGuestWithFolder();
  expect(await guest.call("fd_readdir", 1, 100, 100, 0n, 0)).toBe(ERRNO.NOTDIR);
  expect(await guest.call("fd_readdir", 9, 100, 100, 0n, 0)).toBe(ERRNO.BADF);
  expect(await guest.call("fd_readdir", 3, 65_500, 100, 0n, 0)).toBe(ERRNO.FAULT);
  expect(await guest.call("fd_readdir", 3, 100, 100, 0n, 65_533)).toBe(ERRNO.FAULT);
});
