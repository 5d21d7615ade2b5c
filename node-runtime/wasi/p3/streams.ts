/**
 * `stream<u8>` of WASI 0.3 over the byte streams that the host has: a guest reads what an input stream has, and what a
 * guest writes goes into an output stream as fast as its sink takes it.
 */
import { WasiError } from "../errors.ts";
import type { InputStream } from "../io/input-stream.ts";
import type { OutputStream } from "../io/output-stream.ts";
import type { StreamError } from "../io/error.ts";

/** The most bytes that one transfer carries. */
const TRANSFER_BYTES = 64 * 1024;

/** The readable end of a guest's `stream<u8>`, as the engine hands it over. */
export interface GuestStream {
  /** Resolves to what the guest wrote next, up to `count` bytes; done when the guest dropped its end. */
  read(options: { count: number }): Promise<{ value?: unknown; done: boolean }>;
  /** Says that nobody reads on: the guest's writes come back. */
  [Symbol.dispose](): void;
}

/** A `stream<u8>` that the host writes, and how it ended. */
export interface HostStream {
  stream: AsyncIterable<Uint8Array>;
  /** Resolves at the end, or when the guest reads no further; rejects with what the source failed with. */
  ended: Promise<void>;
}

/** Returns the stream of what `input` has; it is dropped at its end, or when the guest drops the stream. */
export function streamFrom(input: InputStream): HostStream {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  ended.catch(() => {}); // a guest need not ask how it ended
  const finish = (): IteratorResult<Uint8Array> => {
    input[Symbol.dispose]();
    resolve();
    return { done: true, value: undefined };
  };
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      try {
        return { done: false, value: await input.blockingRead(BigInt(TRANSFER_BYTES)) };
      } catch (thrown) {
        if (!isEnd(thrown)) reject(causeOf(thrown));
        return finish();
      }
    },
    async return() {
      return finish();
    },
  };
  return { stream: { [Symbol.asyncIterator]: () => iterator }, ended };
}

/** A stream that is at its end from the start. */
export const EMPTY_STREAM: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => endedIterator() };

function endedIterator(): AsyncIterator<Uint8Array> {
  return { next: () => Promise.resolve({ done: true, value: undefined }) };
}

/**
 * Writes what the guest writes to `output`, waiting where it is full, and drops both at the end; resolves when all has
 * left (to the kernel, the disk, the log). Rejects with what the sink failed with, or with `closedError` when it was
 * closed.
 */
export async function pump(guest: GuestStream, output: OutputStream, closedError: () => unknown): Promise<void> {
  await transfer(guest, output, closedError, () => output.blockingFlush());
}

/** Like `pump`, but resolves when the sink has accepted all. */
export async function pour(guest: GuestStream, output: OutputStream, closedError: () => unknown): Promise<void> {
  await transfer(guest, output, closedError, () => Promise.resolve());
}

async function transfer(
  guest: GuestStream,
  output: OutputStream,
  closedError: () => unknown,
  settle: () => Promise<void>,
): Promise<void> {
  try {
    for (;;) {
      const { value, done } = await guest.read({ count: TRANSFER_BYTES });
      if (done) return await settle();
      await writeAll(output, bytesOf(value));
    }
  } catch (thrown) {
    throw isEnd(thrown) ? closedError() : causeOf(thrown);
  } finally {
    guest[Symbol.dispose]();
    output[Symbol.dispose]();
  }
}

async function writeAll(output: OutputStream, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    const room = Number(output.checkWrite());
    if (room === 0) {
      await output.subscribe().block();
      continue;
    }
    output.write(rest.subarray(0, room));
    rest = rest.subarray(room);
  }
}

/** The engine hands bytes over as a typed array or as a plain list of numbers. */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return Uint8Array.from(value as number[]);
  throw new TypeError("a stream of bytes carries something else");
}

function isEnd(thrown: unknown): boolean {
  return thrown instanceof WasiError && (thrown.payload as StreamError).tag === "closed";
}

/** What the host's source or sink failed with, which the stream error of WASI 0.2 wraps. */
function causeOf(thrown: unknown): unknown {
  if (!(thrown instanceof WasiError)) return thrown;
  const payload = thrown.payload as StreamError;
  return payload.tag === "last-operation-failed" ? payload.val.cause : thrown;
}
