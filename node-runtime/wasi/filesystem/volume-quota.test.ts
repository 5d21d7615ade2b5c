import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Scope } from "../scope.ts";
import type { Descriptor } from "./descriptor.ts";
import { codeOf, makeFolder, openFile, openPreopens } from "./test-preopen.ts";
import { VolumeQuota, type QuotaOptions, type Shortage } from "./volume-quota.ts";

const MIB = 1024 * 1024;
const FULL = "insufficient-space";

/** One guest's view of a volume of 1 MiB, as a cell of its own has it. */
function openVolume(
  hostPath: string,
  options: QuotaOptions = {},
  limit: { maxBytes?: number } = { maxBytes: MIB },
): Descriptor {
  const quota = new VolumeQuota({ hostPath, maxBytes: limit.maxBytes }, options);
  return openPreopens(new Scope(), [{ guestPath: "/", hostPath, writable: true, quota }])[0]!;
}

async function write(file: Descriptor, kib: number, offsetKib = 0): Promise<unknown> {
  try {
    return Number(await file.write(new Uint8Array(kib * 1024).fill(1), BigInt(offsetKib * 1024))) / 1024;
  } catch (thrown) {
    return codeOf(() => {
      throw thrown;
    });
  }
}

const CREATE = { create: true };

test("contract: what goes beyond the size limit is insufficient-space, and is told", async () => {
  const refused: Shortage[] = [];
  const root = openVolume(makeFolder(), { onRefused: (why) => refused.push(why) });
  const file = openFile(root, "a", CREATE);
  expect(await write(file, 900)).toBe(900);
  expect(await write(file, 200, 900)).toBe(FULL);
  expect(await write(file, 100, 900)).toBe(100);
  expect(await write(file, 900)).toBe(900);
  expect(refused).toEqual(["volume_size"]);
});

test("volume quota: many small additions are measured anew, and none is counted twice", async () => {
  const file = openFile(openVolume(makeFolder()), "a", CREATE);
  for (let kib = 0; kib < 1000; kib++) expect(await write(file, 1, kib)).toBe(1);
  expect(await write(file, 100, 1000)).toBe(FULL);
});

test("contract: what is removed, replaced or cut off makes room at once", async () => {
  const root = openVolume(makeFolder());
  const filled = async (name: string, kib: number): Promise<unknown> => {
    using file = openFile(root, name, CREATE);
    return await write(file, kib);
  };
  for (const makeRoom of [
    () => root.unlinkFileAt("big"),
    () => {
      using file = openFile(root, "big");
      file.setSize(0n);
    },
    () => openFile(root, "big", { truncate: true })[Symbol.dispose](),
    () => root.renameAt("more", root, "big"),
  ]) {
    expect(await filled("big", 900)).toBe(900);
    expect(await filled("more", 200)).toBe(FULL);
    makeRoom();
    expect(await filled("big", 900)).toBe(900);
    root.unlinkFileAt("big");
  }
});

test("contract: a file without a name takes its space until it is closed", async () => {
  const root = openVolume(makeFolder());
  const file = openFile(root, "a", CREATE);
  expect(await write(file, 900)).toBe(900);
  root.unlinkFileAt("a");
  expect(await write(openFile(root, "b", CREATE), 200)).toBe(FULL);
  file[Symbol.dispose]();
  expect(await write(openFile(root, "b"), 200)).toBe(200);
});

test("volume quota: a hole takes nothing until it is written", async () => {
  const file = openFile(openVolume(makeFolder()), "sparse", CREATE);
  file.setSize(2n ** 40n);
  expect(await write(file, 900, 1024 * 1024)).toBe(900);
  expect(await write(file, 200)).toBe(FULL);
});

test("volume quota: a further name takes no second copy", async () => {
  const root = openVolume(makeFolder());
  expect(await write(openFile(root, "a", CREATE), 600)).toBe(600);
  root.linkAt({}, "a", root, "b");
  expect(await write(openFile(root, "c", CREATE), 300)).toBe(300);
});

test.each([
  ["files", (root: Descriptor, name: string): void => openFile(root, name, CREATE)[Symbol.dispose]()],
  ["folders", (root: Descriptor, name: string): void => root.createDirectoryAt(name)],
  ["links", (root: Descriptor, name: string): void => root.symlinkAt("x", name)],
])("contract: empty %s fill a volume too", (_what, make) => {
  const root = openVolume(makeFolder());
  let made = 0;
  while (codeOf(() => make(root, `n${made}`)) === "done") made++;
  expect(made).toBeGreaterThan(100);
  expect(made).toBeLessThanOrEqual(256);
  expect(codeOf(() => make(root, "another"))).toBe(FULL);
});

test("contract: cells that share a volume go beyond its limit by their slack, and no more", async () => {
  const folder = makeFolder();
  const files = ["a", "b", "c"].map((name) => openFile(openVolume(folder), name, CREATE));
  const written = files.map(() => 0);
  for (let full = 0; full < files.length;) {
    full = 0;
    for (const [index, file] of files.entries()) {
      if ((await write(file, 8, written[index])) === FULL) full++;
      else written[index]! += 8;
    }
  }
  const sum = written.reduce((total, kib) => total + kib, 0);
  expect(sum).toBeGreaterThan(800);
  expect(sum).toBeLessThanOrEqual(1024 + 2 * 64);
});

test("volume quota: one cell learns in a while that another made room", async () => {
  let nowMs = 0;
  const folder = makeFolder();
  const [one, other] = [openVolume(folder), openVolume(folder, { nowMs: () => nowMs })];
  const big = openFile(one, "big", CREATE);
  expect(await write(big, 900)).toBe(900);
  const file = openFile(other, "more", CREATE);
  expect([await write(file, 200), await write(file, 200)]).toEqual([FULL, FULL]);
  big[Symbol.dispose]();
  one.unlinkFileAt("big");
  expect(await write(file, 200)).toBe(FULL);
  nowMs += 250;
  expect(await write(file, 200)).toBe(200);
});

test("volume quota: links that lead out are not followed, and depth counts as full", () => {
  const folder = makeFolder();
  symlinkSync("/", join(folder, "out"));
  openVolume(folder).createDirectoryAt("d");
  const deep = join(folder, ...Array.from({ length: 200 }, () => "d"));
  mkdirSync(deep, { recursive: true });
  expect(codeOf(() => openVolume(folder).createDirectoryAt("e"))).toBe(FULL);
});

test("contract: a file system that is nearly full takes nothing more, with or without a size limit", async () => {
  const refused: Shortage[] = [];
  let bavail = 100_000;
  const statfs = (): { bsize: number; blocks: number; bavail: number; files: number; ffree: number } => {
    return { bsize: 4096, blocks: 10_000_000, bavail, files: 1_000_000, ffree: 500_000 };
  };
  const options = { onRefused: (why: Shortage) => refused.push(why), statfs };
  const folder = makeFolder();
  const file = openFile(openVolume(folder, options, {}), "a", CREATE);
  expect(await write(file, 1024)).toBe(1024);
  bavail = 60_000;
  expect(await write(file, 1024, 1024)).toBe(FULL);
  expect(await write(file, 1024)).toBe(1024);
  expect(codeOf(() => openVolume(folder, options).createDirectoryAt("d"))).toBe(FULL);
  expect(refused).toEqual(["disk_space", "disk_space"]);
});
