import { constants, fdatasync, fsync, openSync, read, write } from "node:fs";
import { promisify } from "node:util";
import { failure } from "./error-code.ts";
import { HeldFd } from "./held-fd.ts";
import { pathOfFd } from "./proc-fd.ts";
import type { VolumeQuota } from "./volume-quota.ts";

/** The largest offset Linux has (a signed 64-bit number). */
const MAX_OFFSET = 2n ** 63n - 1n;
/** The largest offset that Node's `write` takes as a number: 8 PiB. */
const MAX_WRITE_OFFSET = BigInt(Number.MAX_SAFE_INTEGER);

const readAsync = promisify(read);
const writeAsync = promisify(write);
const fsyncAsync = promisify(fsync);
const fdatasyncAsync = promisify(fdatasync);

/** Reads up to `max` bytes at `offset` in a thread of libuv's pool; empty at the end of the file. */
export async function readAt(held: HeldFd, max: number, offset: bigint): Promise<Uint8Array> {
  if (offset > MAX_OFFSET) throw failure("invalid");
  const buffer = Buffer.allocUnsafeSlow(max);
  const { bytesRead } = await held.use((fd) => readAsync(fd, buffer, 0, max, offset));
  return buffer.subarray(0, bytesRead);
}

/** Writes `bytes` at `offset`, or at the end of a file opened to append when `offset` is undefined; returns how many. */
async function writeAt(held: HeldFd, bytes: Uint8Array, offset: bigint | undefined): Promise<number> {
  if (offset !== undefined && offset + BigInt(bytes.length) > MAX_WRITE_OFFSET) throw failure("file-too-large");
  const position = offset === undefined ? null : Number(offset);
  const { bytesWritten } = await held.use((fd) => writeAsync(fd, bytes, 0, bytes.length, position));
  return bytesWritten;
}

/** Writes as `writeAt` does, where the volume has room for it; throws `insufficient-space` otherwise. */
export function writeWithin(
  quota: VolumeQuota | undefined,
  held: HeldFd,
  bytes: Uint8Array,
  offset: bigint | undefined,
): Promise<number> {
  if (quota === undefined || bytes.length === 0) return writeAt(held, bytes, offset);
  return quota.write(held.fd, bytes.length, offset, () => writeAt(held, bytes, offset));
}

/** Resolves when what was written to the file is on the disk; without its metadata when `dataOnly`. */
export async function syncFile(held: HeldFd, dataOnly: boolean): Promise<void> {
  await held.use(dataOnly ? fdatasyncAsync : fsyncAsync);
}

/** Resolves when the directory's entries are on the disk. */
export async function syncDirectory(held: HeldFd): Promise<void> {
  // A handle that only names a directory (O_PATH) cannot be synchronized: open one that can.
  const readable = new HeldFd(openSync(pathOfFd(held.fd), constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    await syncFile(readable, false);
  } finally {
    readable.release();
  }
}
