import type { Body, Context } from "./context.ts";
import { ERRNO, ErrnoError } from "./errno.ts";
import type { OpenFile } from "./fd-table.ts";
import { readIovecs } from "./layout.ts";
import { flushOutput, readInput, writeOutput, writeThrough } from "./stream-io.ts";

/** The most one read takes from the host: it is held twice while it is copied to the guest. */
const MAX_READ_BYTES = 64 * 1024;
/** The most one write takes from the guest, for the same reason; the guest goes on with the rest. */
const MAX_WRITE_BYTES = 1024 * 1024;

const WHENCE = { SET: 0, CUR: 1, END: 2 } as const;
const MAX_POSITION = 2n ** 63n - 1n;

/** Returns the functions that move bytes: `fd_read`, `fd_write`, `fd_pread`, `fd_pwrite`, `fd_seek`, `fd_tell`, `fd_sync`, `fd_datasync`. */
export function createFdIoFunctions(context: Context): Record<string, Body> {
  const { memory } = context;

  /** Writes `bytes` over the iovecs, which are looked up again: a waiting guest's views do not last. */
  const scatter = (iovs: number, count: number, bytes: Uint8Array, result: number): void => {
    let rest = bytes;
    for (const range of readIovecs(memory, iovs, count)) {
      const part = rest.subarray(0, range.length);
      range.set(part);
      rest = rest.subarray(part.length);
    }
    memory.writeU32(result, bytes.length - rest.length);
  };

  return {
    fd_read(fd: number, iovs: number, count: number, result: number) {
      const entry = context.fds.get(fd);
      const max = roomOf(readIovecs(memory, iovs, count));
      memory.check(result, 4);
      if (entry.kind === "input") {
        return then(readInput(context, entry, max), (bytes) => scatter(iovs, count, bytes, result));
      }
      if (entry.kind === "output") throw new ErrnoError(ERRNO.BADF);
      const file = context.fds.file(fd);
      return then(readFile(context, file, max, file.position), (bytes) => {
        file.position += BigInt(bytes.length);
        scatter(iovs, count, bytes, result);
      });
    },

    fd_pread(fd: number, iovs: number, count: number, offset: bigint, result: number) {
      const file = context.fds.file(fd);
      const max = roomOf(readIovecs(memory, iovs, count));
      memory.check(result, 4);
      return then(readFile(context, file, max, BigInt.asUintN(64, offset)), (bytes) =>
        scatter(iovs, count, bytes, result),
      );
    },

    fd_write(fd: number, iovs: number, count: number, result: number) {
      const entry = context.fds.get(fd);
      const bytes = gather(readIovecs(memory, iovs, count));
      memory.check(result, 4);
      if (entry.kind === "output") {
        return then(writeOutput(context, entry, bytes), (written) => memory.writeU32(result, written));
      }
      if (entry.kind === "input") throw new ErrnoError(ERRNO.BADF);
      return then(writeFile(context, context.fds.file(fd), bytes), (written) => memory.writeU32(result, written));
    },

    fd_pwrite(fd: number, iovs: number, count: number, offset: bigint, result: number) {
      const { descriptor } = context.fds.file(fd);
      const bytes = gather(readIovecs(memory, iovs, count));
      memory.check(result, 4);
      return then(context.resume(descriptor.write(bytes, BigInt.asUintN(64, offset))), (written) =>
        memory.writeU32(result, Number(written)),
      );
    },

    fd_seek(fd: number, offset: bigint, whence: number, result: number) {
      const file = context.fds.file(fd);
      memory.check(result, 8);
      const position = originOf(file, whence) + offset;
      if (position < 0n || position > MAX_POSITION) throw new ErrnoError(ERRNO.INVAL);
      file.position = position;
      memory.writeU64(result, position);
    },

    fd_tell: (fd: number, result: number) => memory.writeU64(result, context.fds.file(fd).position),

    fd_sync: (fd: number) => synchronise(context, fd, "sync"),
    fd_datasync: (fd: number) => synchronise(context, fd, "syncData"),
  };
}

async function readFile(context: Context, { descriptor }: OpenFile, max: number, offset: bigint): Promise<Uint8Array> {
  const [bytes] = await context.resume(descriptor.read(BigInt(max), offset));
  return bytes;
}

async function writeFile(context: Context, file: OpenFile, bytes: Uint8Array): Promise<number> {
  if (file.append) return appendFile(context, file, bytes);
  const written = await context.resume(file.descriptor.write(bytes, file.position));
  file.position += written;
  return Number(written);
}

/** Appends through the host's own append stream: the end is found by the host at the write, not asked for before it. */
async function appendFile(context: Context, file: OpenFile, bytes: Uint8Array): Promise<number> {
  try {
    file.appender ??= file.descriptor.appendViaStream();
    const written = await writeThrough(context, file.appender, bytes);
    if (written < bytes.length) dropAppender(file);
    file.position = file.descriptor.stat().size;
    return written;
  } catch (thrown) {
    dropAppender(file);
    throw thrown;
  }
}

/** A stream that failed stays closed: the next write gets a new one. */
function dropAppender(file: OpenFile): void {
  file.appender?.[Symbol.dispose]();
  file.appender = undefined;
}

/** A file reaches the disk, standard output its reader; standard input has nothing to synchronise. */
async function synchronise(context: Context, fd: number, method: "sync" | "syncData"): Promise<void> {
  const entry = context.fds.get(fd);
  if (entry.kind === "input") throw new ErrnoError(ERRNO.INVAL);
  if (entry.kind === "output") return flushOutput(context, entry.stream);
  await context.resume(entry.descriptor[method]());
}

function originOf(file: OpenFile, whence: number): bigint {
  if (whence === WHENCE.SET) return 0n;
  if (whence === WHENCE.CUR) return file.position;
  if (whence === WHENCE.END) return file.descriptor.stat().size;
  throw new ErrnoError(ERRNO.INVAL);
}

function roomOf(ranges: readonly Uint8Array[]): number {
  return Math.min(
    MAX_READ_BYTES,
    ranges.reduce((sum, { length }) => sum + length, 0),
  );
}

/** Copies what the ranges hold, up to the bound: the guest's memory may be another's before the write is done. */
function gather(ranges: readonly Uint8Array[]): Uint8Array {
  const total = ranges.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(Math.min(MAX_WRITE_BYTES, total));
  let offset = 0;
  for (const range of ranges) {
    const part = range.subarray(0, bytes.length - offset);
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Calls `finish` at once when the value is there, so that a guest that need not wait is not suspended. */
function then<T>(value: T | Promise<T>, finish: (value: T) => void): void | Promise<void> {
  return value instanceof Promise ? value.then(finish) : finish(value);
}
