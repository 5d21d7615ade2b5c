import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HostClosedError, WasiError } from "../errors.ts";
import { Scope } from "../scope.ts";
import type { Descriptor } from "./descriptor.ts";
import { expectCode, listOpenIn, makeFolder, openFile, openPreopen } from "./test-preopen.ts";
import type { NewTimestamp } from "./types.ts";

function makeFile(content = "hello", scope = new Scope()): { folder: string; root: Descriptor; file: Descriptor } {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), content);
  const root = openPreopen(folder, true, scope);
  return { folder, root, file: openFile(root, "file") };
}

function at(seconds: number, nanoseconds = 0): NewTimestamp {
  return { tag: "timestamp", val: { seconds: BigInt(seconds), nanoseconds } };
}

test("read: returns the bytes at an offset, and the end only when there are none", async () => {
  const { file } = makeFile();
  expect(await file.read(3n, 1n)).toEqual([Buffer.from("ell"), false]);
  expect(await file.read(100n, 0n)).toEqual([Buffer.from("hello"), false]);
  expect(await file.read(100n, 5n)).toEqual([Buffer.from(""), true]);
  expect(await file.read(0n, 0n)).toEqual([new Uint8Array(0), false]);
});

test("read: returns at most 64 KiB", async () => {
  const { file } = makeFile("x".repeat(100_000));
  const [bytes, ended] = await file.read(2n ** 64n - 1n, 0n);
  expect([bytes.length, ended]).toEqual([65_536, false]);
});

test("read: refuses an offset that no file has", async () => {
  await expect(makeFile().file.read(1n, 2n ** 63n)).rejects.toThrow(new WasiError("invalid"));
});

test("write: puts bytes at an offset and takes them as they are at the call", async () => {
  const { folder, file } = makeFile();
  const bytes = Buffer.from("LLO");
  const written = file.write(bytes, 2n);
  bytes.fill(0);
  expect(await written).toBe(3n);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("heLLO");
});

test("write: takes at most 1 MiB at once", async () => {
  const { folder, file } = makeFile("");
  expect(await file.write(new Uint8Array(3 * 1024 * 1024), 0n)).toBe(1_048_576n);
  expect(statSync(join(folder, "file")).size).toBe(1_048_576);
});

test("write: refuses an offset beyond what a file may have", async () => {
  await expect(makeFile().file.write(new Uint8Array(1), 2n ** 60n)).rejects.toThrow(new WasiError("file-too-large"));
});

test("a file not opened for it is neither read nor written", async () => {
  const { root } = makeFile();
  const reading = root.openAt({}, "file", {}, { read: true });
  const writing = root.openAt({}, "file", {}, { write: true });
  await expect(writing.read(1n, 0n)).rejects.toThrow(new WasiError("bad-descriptor"));
  await expect(reading.write(new Uint8Array(1), 0n)).rejects.toThrow(new WasiError("bad-descriptor"));
  expectCode(() => writing.readViaStream(0n), "bad-descriptor");
  expectCode(() => reading.writeViaStream(0n), "bad-descriptor");
  expectCode(() => reading.appendViaStream(), "bad-descriptor");
  expectCode(() => reading.setSize(0n), "bad-descriptor");
});

test("a directory is no file, and a file no directory", async () => {
  const { root, file } = makeFile();
  await expect(root.read(1n, 0n)).rejects.toThrow(new WasiError("is-directory"));
  await expect(root.write(new Uint8Array(1), 0n)).rejects.toThrow(new WasiError("is-directory"));
  expectCode(() => root.readViaStream(0n), "is-directory");
  expectCode(() => root.setSize(0n), "is-directory");
  expectCode(() => root.advise(0n, 0n, "normal"), "bad-descriptor");
  expectCode(() => file.readDirectory(), "not-directory");
  expectCode(() => file.openAt({}, "x", {}, { read: true }), "not-directory");
  expectCode(() => file.statAt({}, "x"), "not-directory");
  expectCode(() => file.createDirectoryAt("x"), "not-directory");
});

test("set-size: cuts a file off and extends it with zeroes", () => {
  const { folder, file } = makeFile();
  file.setSize(2n);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("he");
  file.setSize(4n);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("he\0\0");
  expectCode(() => file.setSize(2n ** 60n), "file-too-large");
});

test("stat: tells type, size, links and times", () => {
  const { folder, root, file } = makeFile();
  file.setTimes(at(100, 500_000_000), at(200));
  expect(file.stat()).toMatchObject({
    type: "regular-file",
    size: 5n,
    linkCount: 1n,
    dataAccessTimestamp: { seconds: 100n, nanoseconds: 500_000_000 },
    dataModificationTimestamp: { seconds: 200n, nanoseconds: 0 },
  });
  expect(file.stat().statusChangeTimestamp!.seconds).toBe(
    statSync(join(folder, "file"), { bigint: true }).ctimeNs / 1_000_000_000n,
  );
  expect(root.stat().type).toBe("directory");
});

test("stat-at: follows a link or tells of the link itself", () => {
  const { folder, root } = makeFile();
  symlinkSync("file", join(folder, "link"));
  symlinkSync("/etc/passwd", join(folder, "absolute"));
  expect(root.statAt({ symlinkFollow: true }, "link")).toEqual(root.statAt({}, "file"));
  expect(root.statAt({}, "link")).toMatchObject({ type: "symbolic-link", size: 4n });
  expect(root.statAt({}, "absolute").type).toBe("symbolic-link");
  expectCode(() => root.statAt({ symlinkFollow: true }, "absolute"), "not-permitted");
  expectCode(() => root.statAt({}, "missing"), "no-entry");
});

test("stat: a time before 1970 is left out", () => {
  const { folder, root } = makeFile();
  const beforeEpoch = new Date(-86_400_000);
  utimesSync(join(folder, "file"), beforeEpoch, beforeEpoch);
  expect(root.statAt({}, "file").dataModificationTimestamp).toBeUndefined();
});

test("set-times: leaves unchanged what is not to change, to the nanosecond", () => {
  const { folder, file } = makeFile();
  const before = statSync(join(folder, "file"), { bigint: true });
  file.setTimes(at(100), { tag: "no-change" });
  const after = statSync(join(folder, "file"), { bigint: true });
  expect(after.atimeNs).toBe(100_000_000_000n);
  expect(after.mtimeNs).toBe(before.mtimeNs);
});

test("set-times: is precise to a microsecond and takes `now` from the host", () => {
  const { folder, file } = makeFile();
  const before = Date.now();
  file.setTimes({ tag: "now" }, at(1_700_000_000, 123_456_000));
  const { atimeMs, mtimeNs } = statSync(join(folder, "file"), { bigint: true });
  expect(Number(atimeMs)).toBeGreaterThanOrEqual(before - 1);
  expect(Number(atimeMs)).toBeLessThanOrEqual(Date.now());
  expect(Math.abs(Number(mtimeNs - 1_700_000_000_123_456_000n))).toBeLessThan(1000);
});

test.each([
  [at(1, 1_000_000_000), "invalid"],
  [{ tag: "timestamp", val: { seconds: 2n ** 64n - 1n, nanoseconds: 0 } }, "overflow"],
] as const)("set-times: refuses a time that is none", (time, code) => {
  const { file } = makeFile();
  expectCode(() => file.setTimes(time, time), code);
});

test("set-times-at: sets a link's times, or its target's when asked to follow", () => {
  const { folder, root } = makeFile();
  symlinkSync("file", join(folder, "link"));
  root.setTimesAt({}, "link", at(1), at(2));
  root.setTimesAt({ symlinkFollow: true }, "link", at(3), at(4));
  root.setTimesAt({}, ".", at(5), at(6));
  expect(lstatSync(join(folder, "link")).mtimeMs).toBe(2000);
  expect(statSync(join(folder, "file")).mtimeMs).toBe(4000);
  expect(statSync(folder).mtimeMs).toBe(6000);
});

test("sync and sync-data: work on files and directories", async () => {
  const { root, file } = makeFile();
  await file.write(Buffer.from("x"), 0n);
  await file.sync();
  await file.syncData();
  await root.sync();
  await expect(root.syncData()).resolves.toBeUndefined();
});

test("contract: a guest that waits for its files unwinds when its host closes, and they are closed after that", async () => {
  const scope = new Scope();
  const { folder, file } = makeFile("hello", scope);
  const reading = file.read(5n, 0n);
  scope.close();
  await expect(reading).rejects.toThrow(HostClosedError);
  await expect.poll(() => listOpenIn(folder)).toEqual([]);
});

test("a dropped descriptor is bad", async () => {
  const { file } = makeFile();
  file[Symbol.dispose]();
  expectCode(() => file.stat(), "bad-descriptor");
  await expect(file.read(1n, 0n)).rejects.toThrow(new WasiError("bad-descriptor"));
});

test("is-same-object: sees through names", () => {
  const { folder, root, file } = makeFile();
  mkdirSync(join(folder, "dir"));
  root.linkAt({}, "file", root, "dir/linked");
  expect(file.isSameObject(openFile(root, "dir/linked"))).toBe(true);
  expect(root.isSameObject(root.openAt({}, "dir/..", {}, {}))).toBe(true);
  expect(root.isSameObject(root.openAt({}, "dir", {}, {}))).toBe(false);
});
