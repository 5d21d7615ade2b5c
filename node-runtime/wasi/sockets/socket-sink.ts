import type { Socket } from "node:net";
import { systemCodeOf } from "../../../common/errors.ts";
import type { ByteSink } from "../io/byte-source.ts";
import { Notifier } from "../io/notifier.ts";

/** Bytes that may wait for the kernel before the guest must. */
const CAPACITY_BYTES = 64 * 1024;

/** The sending side of a connected TCP socket as a byte sink. */
export class SocketSink implements ByteSink {
  readonly #socket: Socket;
  readonly #changed = new Notifier();
  #failure: unknown;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", (error) => {
      this.#failure ??= error;
      this.#changed.notify();
    });
    socket.once("close", () => this.#changed.notify());
  }

  capacity(): number | null {
    const failure = this.#failure;
    // The peer stopped reading: that is the end of the stream, not a failure of it.
    if (failure !== undefined && systemCodeOf(failure) !== "EPIPE") {
      this.#failure = Object.assign(new Error("closed"), { code: "EPIPE" });
      throw failure;
    }
    if (failure !== undefined || !this.#socket.writable) return null;
    return Math.max(0, CAPACITY_BYTES - this.#socket.writableLength);
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes, () => this.#changed.notify());
  }

  flushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  subscribe(wake: () => void): () => void {
    return this.#changed.subscribe(wake);
  }

  /** Ends the sending side after what was written; the receiving side goes on. */
  close(): void {
    this.#socket.end();
    this.#changed.notify();
  }
}
