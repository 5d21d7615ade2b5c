import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HostClosedError, WasiError } from "../errors.ts";
import type { IoError } from "../io/error.ts";
import type { InputStream } from "../io/input-stream.ts";
import { Scope } from "../scope.ts";
import type { Descriptor } from "./descriptor.ts";
import { filesystemErrorCode } from "./error-code.ts";
import { listOpenIn, makeFolder, openFile, openPreopen } from "./test-preopen.ts";

interface Fixture {
  path: string;
  folder: string;
  file: Descriptor;
  content: () => string;
}

function makeFile(content: string | Uint8Array = "", scope = new Scope()): Fixture {
  const folder = makeFolder();
  const path = join(folder, "file");
  writeFileSync(path, content);
  const file = openFile(openPreopen(folder, true, scope), "file");
  return { path, folder, file, content: () => readFileSync(path, "utf8") };
}

/** Reads to the end; a piece as large as the stream gives. */
async function readAll(stream: InputStream): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  try {
    for (;;) pieces.push(await stream.blockingRead(1_000_000n));
  } catch (thrown) {
    expect(thrown).toEqual(new WasiError({ tag: "closed" }));
    return Buffer.concat(pieces);
  }
}

/** Returns the filesystem's code inside the stream error that `operation` rejects with. */
async function streamCodeOf(operation: Promise<unknown>): Promise<unknown> {
  const thrown: unknown = await operation.catch((error: unknown) => error);
  const payload = (thrown as WasiError<{ tag: string; val: IoError }>).payload;
  expect(payload.tag).toBe("last-operation-failed");
  return filesystemErrorCode(payload.val);
}

test("read-via-stream: gives a file's bytes from the offset to the end", async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  const { file } = makeFile(bytes);
  expect((await readAll(file.readViaStream(0n))).equals(bytes)).toBe(true);
  expect((await readAll(file.readViaStream(299_990n))).equals(bytes.subarray(299_990))).toBe(true);
  expect(await readAll(file.readViaStream(400_000n))).toHaveLength(0);
});

test("read-via-stream: a read that does not wait returns nothing until there is something", async () => {
  const stream = makeFile("hello").file.readViaStream(0n);
  expect(stream.read(5n)).toHaveLength(0);
  await stream.subscribe().block();
  expect(Buffer.from(stream.read(2n)).toString()).toBe("he");
  expect(Buffer.from(stream.read(5n)).toString()).toBe("llo");
});

test("read-via-stream: goes on after the descriptor is dropped, and closes the file at its own drop", async () => {
  const { file, folder } = makeFile("hello");
  const stream = file.readViaStream(0n);
  file[Symbol.dispose]();
  expect((await readAll(stream)).toString()).toBe("hello");
  stream[Symbol.dispose]();
  expect(listOpenIn(folder)).toEqual([folder]);
});

test("read-via-stream: an impossible offset fails with its code, then the stream is closed", async () => {
  const stream = makeFile("hello").file.readViaStream(2n ** 63n);
  expect(await streamCodeOf(stream.blockingRead(1n))).toBe("invalid");
  await expect(stream.blockingRead(1n)).rejects.toEqual(new WasiError({ tag: "closed" }));
});

test("write-via-stream: writes in order from the offset on", async () => {
  const { file, content } = makeFile("0123456789");
  const stream = file.writeViaStream(3n);
  await stream.blockingWriteAndFlush(Buffer.from("ab"));
  await stream.blockingWriteAndFlush(Buffer.from("cd"));
  expect(content()).toBe("012abcd789");
});

test("write-via-stream: holds 64 KiB, refuses more until they have left, and loses nothing", async () => {
  const { file, path } = makeFile();
  const stream = file.writeViaStream(0n);
  expect(stream.checkWrite()).toBe(65_536n);
  stream.write(Buffer.alloc(65_536, "a"));
  expect(stream.checkWrite()).toBe(0n);
  expect(() => stream.write(Buffer.from("x"))).toThrow("more bytes than check-write permitted");
  await stream.subscribe().block();
  expect(stream.checkWrite()).toBe(65_536n);
  stream.write(Buffer.from("b"));
  await stream.blockingFlush();
  expect(readFileSync(path).equals(Buffer.from("a".repeat(65_536) + "b"))).toBe(true);
});

test("write-via-stream: what was accepted is written though the guest drops everything at once", async () => {
  const { file, folder, content } = makeFile();
  const stream = file.writeViaStream(0n);
  stream.checkWrite();
  stream.write(Buffer.from("first "));
  stream.write(Buffer.from("second"));
  stream[Symbol.dispose]();
  file[Symbol.dispose]();
  await expect.poll(() => listOpenIn(folder)).toEqual([folder]);
  expect(content()).toBe("first second");
});

test("write-via-stream: a write beyond what a file may have fails with its code, then the stream is closed", async () => {
  const stream = makeFile().file.writeViaStream(2n ** 60n);
  expect(await streamCodeOf(Promise.resolve(stream.blockingWriteAndFlush(Buffer.from("x"))))).toBe("file-too-large");
  expect(() => stream.checkWrite()).toThrow(new WasiError({ tag: "closed" }));
});

test("append-via-stream: writes at the end, wherever that is by then", async () => {
  const { file, content } = makeFile("start ");
  const first = file.appendViaStream();
  const second = file.appendViaStream();
  await first.blockingWriteAndFlush(Buffer.from("one "));
  await second.blockingWriteAndFlush(Buffer.from("two "));
  await file.write(Buffer.from("S"), 0n);
  await first.blockingWriteAndFlush(Buffer.from("three"));
  expect(content()).toBe("Start one two three");
});

test("splice: copies a file into another", async () => {
  const from = makeFile("x".repeat(100_000));
  const to = makeFile();
  const [input, output] = [from.file.readViaStream(0n), to.file.writeViaStream(0n)];
  let copied = 0n;
  while (copied < 100_000n) copied += await output.blockingSplice(input, 1_000_000n);
  await output.blockingFlush();
  expect(to.content()).toBe("x".repeat(100_000));
});

test("contract: a stream that waits unwinds when its host closes, and its file is closed after that", async () => {
  const scope = new Scope();
  const { file, folder } = makeFile("hello", scope);
  const stream = file.readViaStream(0n);
  const reading = stream.blockingRead(5n);
  scope.close();
  await expect(reading).rejects.toThrow(HostClosedError);
  stream[Symbol.dispose]();
  await expect.poll(() => listOpenIn(folder)).toEqual([]);
});
