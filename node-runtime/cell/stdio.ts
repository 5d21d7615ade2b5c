import type { Readable, Writable } from "node:stream";
import { isatty } from "node:tty";
import type { CliOptions } from "../wasi/cli/imports.ts";
import type { ByteSink, ByteSource } from "../wasi/io/byte-source.ts";
import { Notifier } from "../wasi/io/notifier.ts";

/** Bytes that may wait for a slow terminal or pipe before the guest must. */
const MAX_QUEUED_BYTES = 256 * 1024;

/** The process's own standard streams as a guest's: for `wasmlet run`. */
export function inheritedStdio(): Pick<CliOptions, "stdin" | "stdout" | "stderr" | "terminals"> {
  return {
    stdin: readableSource(process.stdin),
    stdout: writableSink(process.stdout),
    stderr: writableSink(process.stderr),
    terminals: { stdin: isatty(0), stdout: isatty(1), stderr: isatty(2) },
  };
}

/** Resolves when all that was written to the standard streams has left, or nobody reads them: this process is about to be ended. */
export async function flushStdio(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(async (stream) => {
      if (stream.writableLength === 0 || stream.destroyed) return;
      // The callback of a write comes behind those before it, and when the stream fails.
      await new Promise<void>((resolve) => void stream.write("", () => resolve()));
    }),
  );
}

/** Reads a Node stream only as far as the guest asks. */
function readableSource(stream: Readable): ByteSource {
  const changed = new Notifier();
  let ended = false;
  let listening = false;
  const listen = (): void => {
    if (listening) return;
    listening = true;
    stream.on("readable", () => changed.notify());
    stream.on("end", () => ((ended = true), changed.notify()));
    stream.on("error", () => ((ended = true), changed.notify()));
  };
  return {
    take(max) {
      listen();
      const available = Math.min(max, stream.readableLength);
      const chunk = (available > 0 ? stream.read(available) : stream.read(0)) as Buffer | null;
      if (chunk !== null && chunk.length > 0) return chunk;
      return ended || stream.readableEnded ? null : undefined;
    },
    subscribe(wake) {
      listen();
      return changed.subscribe(wake);
    },
  };
}

/** Writes to a Node stream, holding the guest back while too much is queued there. */
function writableSink(stream: Writable): ByteSink {
  const changed = new Notifier();
  let gone = false;
  stream.on("error", () => ((gone = true), changed.notify()));
  return {
    capacity: () => (gone ? null : Math.max(0, MAX_QUEUED_BYTES - stream.writableLength)),
    write: (bytes) => void stream.write(bytes, () => changed.notify()),
    flushed: () => gone || stream.writableLength === 0,
    subscribe: (wake) => changed.subscribe(wake),
  };
}
