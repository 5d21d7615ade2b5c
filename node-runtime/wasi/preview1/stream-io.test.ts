import { expect, test } from "vitest";
import { FileStreamError } from "../filesystem/error-code.ts";
import type { ByteSink } from "../io/byte-source.ts";
import { OutputStream } from "../io/output-stream.ts";
import { Context } from "./context.ts";
import { ERRNO, ErrnoError } from "./errno.ts";
import type { OpenOutput } from "./fd-table.ts";
import { GuestMemory } from "./guest-memory.ts";
import { flushOutput, writeOutput, writeThrough } from "./stream-io.ts";
import { TestGuest } from "./test-guest.ts";

/** A sink with room for four bytes at a time that takes `goodWrites` writes and fails at the next one, as a full disk. */
class FillingSink implements ByteSink {
  #goodWrites: number;
  readonly #failure: Error;
  #failed = false;

  constructor(goodWrites: number, failure: Error) {
    this.#goodWrites = goodWrites;
    this.#failure = failure;
  }

  capacity(): number {
    if (this.#failed) throw this.#failure;
    return 4;
  }

  write(): void {
    this.#goodWrites -= 1;
    this.#failed = this.#goodWrites < 0;
  }

  flushed(): boolean {
    return true;
  }

  subscribe(wake: () => void): () => void {
    wake();
    return () => {};
  }
}

const DISK_FULL = new FileStreamError("insufficient-space");

function makeOutput(goodWrites: number, failure: Error = DISK_FULL): { context: Context; output: OpenOutput } {
  const guest = new TestGuest();
  const stream = new OutputStream(guest.scope, new FillingSink(goodWrites, failure));
  const context = new Context(guest.host, new GuestMemory(() => guest.memory));
  return { context, output: { kind: "output", stream, terminal: false, nonblock: false } };
}

test.each([
  ["a file's error", DISK_FULL, ERRNO.NOSPC],
  ["any other error", new Error("the log is gone"), ERRNO.IO],
])("streams: %s before the first byte becomes an errno", async (_what, failure, errno) => {
  const { context, output } = makeOutput(0, failure);
  await expect(writeThrough(context, output.stream, new Uint8Array(4))).rejects.toThrow(new ErrnoError(errno));
  expect(() => writeOutput(context, output, new Uint8Array(4))).toThrow(new ErrnoError(errno));
  await expect(flushOutput(context, output.stream)).rejects.toThrow(new ErrnoError(errno));
});

test("streams: an error after some bytes tells how many went, and comes with the next write", async () => {
  const { context, output } = makeOutput(2);
  expect(await writeThrough(context, output.stream, new Uint8Array(20))).toBe(8);
  await expect(writeThrough(context, output.stream, new Uint8Array(4))).rejects.toThrow(new ErrnoError(ERRNO.NOSPC));
});

test("streams: a standard stream that fails midway tells how many went", async () => {
  const { context, output } = makeOutput(2);
  // The third write is accepted and then fails: only a flush could tell.
  expect(await writeOutput(context, output, new Uint8Array(20))).toBe(12);
  expect(() => writeOutput(context, output, new Uint8Array(4))).toThrow(new ErrnoError(ERRNO.NOSPC));
});
