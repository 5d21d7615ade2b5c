import { WasiError } from "../errors.ts";
import type { StreamError } from "../io/error.ts";
import type { InputStream } from "../io/input-stream.ts";
import type { OutputStream } from "../io/output-stream.ts";
import type { Context } from "./context.ts";
import { hostFunction } from "./host-parts.ts";
import { ERRNO, ErrnoError, errnoOfCode } from "./errno.ts";
import type { OpenInput, OpenOutput } from "./fd-table.ts";

/** Returns up to `max` bytes of standard input, none at its end; waits for the first one unless non-blocking. */
export function readInput(context: Context, entry: OpenInput, max: number): Uint8Array | Promise<Uint8Array> {
  const { stream, nonblock } = entry;
  const bytes = untilClosed(context, () => stream.read(BigInt(max)));
  if (bytes === undefined) return new Uint8Array(0);
  if (bytes.length > 0 || max === 0) return bytes;
  return nonblock ? refuse(context) : waitForInput(context, stream, max);
}

async function waitForInput(context: Context, stream: InputStream, max: number): Promise<Uint8Array> {
  await context.resume(stream.subscribe().block());
  return untilClosed(context, () => stream.read(BigInt(max))) ?? new Uint8Array(0);
}

/** Writes `bytes` to a standard stream and returns how many: all, or what fits at once when non-blocking. */
export function writeOutput(context: Context, entry: OpenOutput, bytes: Uint8Array): number | Promise<number> {
  const { stream, nonblock } = entry;
  const written = writeNow(context, stream, bytes);
  if (written === bytes.length) return written;
  if (!nonblock) return writeRest(context, stream, bytes, written);
  return written > 0 ? written : refuse(context);
}

async function writeRest(context: Context, stream: OutputStream, bytes: Uint8Array, already: number): Promise<number> {
  let written = already;
  while (written < bytes.length) {
    await context.resume(stream.subscribe().block());
    try {
      written += writeNow(context, stream, bytes.subarray(written));
    } catch (thrown) {
      if (written > 0 && thrown instanceof ErrnoError) break; // told at the next write
      throw thrown;
    }
  }
  return written;
}

/** Writes `bytes` piece by piece, each gone to the disk's cache before the next; returns how many did. */
export async function writeThrough(context: Context, stream: OutputStream, bytes: Uint8Array): Promise<number> {
  let written = 0;
  while (written < bytes.length) {
    try {
      const length = writeNow(context, stream, bytes.subarray(written));
      await flushOutput(context, stream);
      written += length;
    } catch (thrown) {
      if (written > 0 && thrown instanceof ErrnoError) break; // told at the next write
      throw thrown;
    }
  }
  return written;
}

/** Resolves when all that was written to `stream` has left. */
export async function flushOutput(context: Context, stream: OutputStream): Promise<void> {
  try {
    await context.resume(stream.blockingFlush());
  } catch (thrown) {
    throw streamErrno(context, thrown);
  }
}

function writeNow(context: Context, stream: OutputStream, bytes: Uint8Array): number {
  try {
    const part = bytes.subarray(0, Number(stream.checkWrite()));
    if (part.length > 0) stream.write(part);
    return part.length;
  } catch (thrown) {
    throw streamErrno(context, thrown);
  }
}

function untilClosed<T>(context: Context, read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    const error = streamErrno(context, thrown);
    if (error instanceof ErrnoError && error.errno === ERRNO.PIPE) return undefined;
    throw error;
  }
}

/** A guest that is told `again` asks again: what it waits for only comes when the event loop turns. */
async function refuse(context: Context): Promise<never> {
  await context.yieldTurn();
  throw new ErrnoError(ERRNO.AGAIN);
}

/** Returns a stream's error as the errno it means (`pipe` when closed), or the thrown value itself: a trap. */
function streamErrno(context: Context, thrown: unknown): unknown {
  if (!(thrown instanceof WasiError)) return thrown;
  const error = thrown.payload as StreamError;
  if (error.tag === "closed") return new ErrnoError(ERRNO.PIPE);
  const codeOf = hostFunction(context.host, "wasi:filesystem/types#filesystemErrorCode");
  return new ErrnoError(errnoOfCode(codeOf(error.val)) ?? ERRNO.IO);
}
