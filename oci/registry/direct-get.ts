import { connect as connectTcp, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { placeOf } from "./addresses.ts";
import { badResponse, readResponseHead, writeRequestHead, type ResponseHead } from "./message-head.ts";

/*
 * A GET over a connection of its own, for bodies of many megabytes: they are read straight into large buffers, as many bytes
 * at a time as the system has. undici hands a body on in pieces of 64 KiB that passed through a parser, which takes as long
 * as receiving, hashing and writing it together.
 *
 *   connecting ──head sent──> head ──empty line──> body ──its length, or the end──> closed
 *
 * Bodies with a length and such that end with the connection are understood; for others the caller asks the ordinary way.
 */

/** How the server is reached, and how long it may take. */
export interface DirectOptions {
  tls: ConnectionOptions;
  /** Until the connection is there, its TLS included, however much comes. */
  connectTimeoutMs: number;
  /** Until the whole head is there, and from one piece of the body to the next. */
  silenceTimeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** The response to a GET. Its body is read once; whoever has read enough ends it with `close`. */
export interface DirectResponse extends ResponseHead {
  /** A piece keeps its bytes until `KEPT_BYTES` more were handed out: the buffers are used again. */
  body: AsyncIterable<Uint8Array>;
  close: () => void;
}

/** How much of a body may have been handed out after a piece before that piece's buffer is used again. */
export const KEPT_BYTES = 4 * 1024 * 1024;

const SLAB_BYTES = 1024 * 1024;
const HEAD_SLAB_BYTES = 128 * 1024;
/** With less room than this in a slab, the next one is begun; a head has to end before. */
const MIN_ROOM_BYTES = 64 * 1024;
/** Slabs that wait for whoever reads the body; with more, the server has to wait. */
const MAX_WAITING_SLABS = 2;

/** Sends a GET; resolves with its response when the head is there, with undefined where its body is framed in another way. */
export async function getDirect(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: DirectOptions,
): Promise<DirectResponse | undefined> {
  const connection = new DirectConnection(url, writeRequestHead(url, headers), options);
  try {
    const head = await connection.readHead();
    if (!head.headers.has("transfer-encoding")) {
      return { ...head, body: connection.readBody(head.contentLength), close: () => connection.close() };
    }
    connection.close();
    return undefined;
  } catch (thrown) {
    connection.close();
    throw thrown;
  }
}

/** What came, and the slab that it is the last piece of. */
interface Received {
  bytes: Uint8Array;
  slab?: Buffer<ArrayBuffer>;
}

/** A connection, and what came over it: full slabs, and the one that is being filled. What was handed out is not written again. */
class DirectConnection {
  readonly #socket: Socket;
  readonly #where: string;
  readonly #signal: AbortSignal | undefined;
  /** What has come and is to be handed out; a slab goes with its last piece. */
  readonly #waiting: Received[] = [];
  /** Slabs whose last piece was handed out, and how much had been by then. */
  readonly #used: { slab: Buffer<ArrayBuffer>; atBytes: number }[] = [];
  #handedOut = 0;
  #slab = Buffer.allocUnsafeSlow(HEAD_SLAB_BYTES);
  /** Where the next bytes go. */
  #filled = 0;
  /** Where what nobody has had begins. */
  #begin = 0;
  #isBody = false;
  #isPaused = false;
  /** How it ended: a failure, unless the server ended it in good order. */
  #ending: { failure?: Error } | undefined;
  #wake: () => void = () => {};
  readonly #silenceTimeoutMs: number;
  /** When what comes before the body has to be over. */
  #deadline: NodeJS.Timeout | undefined;

  constructor(url: URL, head: string, { tls, connectTimeoutMs, silenceTimeoutMs, signal }: DirectOptions) {
    signal?.throwIfAborted();
    this.#signal = signal;
    this.#silenceTimeoutMs = silenceTimeoutMs;
    this.#where = placeOf(url);
    const isTls = url.protocol === "https:";
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
    const onread: OnReadOpts = {
      buffer: () => this.#slab.subarray(this.#filled),
      callback: (count, buffer) => this.#received(buffer.subarray(0, count)),
    };
    const options = { host, port, onread };
    this.#socket = isTls
      ? connectTls({ ...tls, ...options, ALPNProtocols: ["http/1.1"] } as ConnectionOptions)
      : connectTcp(options);
    this.#endAfter(connectTimeoutMs, "no connection in time");
    this.#socket
      .once(isTls ? "secureConnect" : "connect", () => {
        this.#endAfter(silenceTimeoutMs, "no answer in time");
        this.#socket.write(head);
      })
      .once("end", () => this.#end({}))
      .on("error", (failure) => this.#end({ failure }))
      .once("close", () => this.#end({ failure: endedEarly() }));
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Resolves with the head of the response; those that come before the final one are passed over. */
  async readHead(): Promise<ResponseHead> {
    for (;;) {
      const received = this.#slab.subarray(this.#begin, this.#filled);
      const length = received.indexOf("\r\n\r\n");
      if (length < 0) {
        if (this.#isPaused) throw badResponse(`a head of at most ${MIN_ROOM_BYTES} bytes`, "a longer one", this.#where);
        if (this.#ending !== undefined) throw this.#ending.failure ?? endedEarly();
        await this.#more();
        continue;
      }
      const head = readResponseHead(received.toString("latin1", 0, length), this.#where);
      this.#begin += length + 4;
      if (head.status < 200) continue;
      this.#isBody = true;
      clearTimeout(this.#deadline);
      this.#socket.setTimeout(this.#silenceTimeoutMs, () => this.#socket.destroy(timedOut("silent for too long")));
      return head;
    }
  }

  /** Yields so many bytes, or, without a length, what comes until the server ends the connection; then closes it. */
  async *readBody(length: number | undefined): AsyncGenerator<Uint8Array> {
    let left = length ?? Number.POSITIVE_INFINITY;
    try {
      while (left > 0) {
        const piece = this.#take();
        if (piece !== undefined) {
          left -= piece.length;
          // More than was announced is not part of it: nobody gets to see that.
          yield left >= 0 ? piece : piece.subarray(0, piece.length + left);
        } else if (this.#ending === undefined) await this.#more();
        else if (length === undefined && this.#ending.failure === undefined) return;
        else throw this.#ending.failure ?? endedEarly();
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    clearTimeout(this.#deadline);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#socket.destroy();
  }

  readonly #abort = (): void => {
    this.#socket.destroy(this.#signal?.reason as Error);
  };

  /**
   * Notes what was read. It always asks for more: a callback that does not is called with the same buffer
   * next time, where somebody may still read. The socket is told to wait right afterwards.
   */
  #received(bytes: Uint8Array): boolean {
    // The buffer was asked for before this read: since then another slab may have been begun.
    if (bytes.buffer === this.#slab.buffer) this.#filled += bytes.length;
    else this.#waiting.push({ bytes });
    const isFull = this.#slab.length - this.#filled < MIN_ROOM_BYTES;
    // Where the head is still to be found, it must stay in one piece.
    if (isFull && this.#isBody) this.#beginSlab();
    this.#isPaused = (isFull && !this.#isBody) || this.#waiting.length >= MAX_WAITING_SLABS;
    if (this.#isPaused) queueMicrotask(() => this.#socket.pause());
    this.#wake();
    return true;
  }

  #beginSlab(): void {
    const bytes = this.#slab.subarray(this.#begin, this.#filled);
    this.#waiting.push({ bytes, slab: this.#slab });
    this.#slab = this.#nextSlab();
    this.#filled = 0;
    this.#begin = 0;
  }

  /** Memory that is new for every megabyte would have to be collected for every few dozen. */
  #nextSlab(): Buffer<ArrayBuffer> {
    const [oldest] = this.#used;
    if (oldest === undefined || this.#handedOut - oldest.atBytes < KEPT_BYTES)
      return Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#used.shift();
    return oldest.slab;
  }

  /** Returns what has come, oldest first; undefined when nothing has. */
  #take(): Uint8Array | undefined {
    const next: Received = this.#waiting.shift() ?? { bytes: this.#slab.subarray(this.#begin, this.#filled) };
    const { bytes, slab } = next;
    if (slab === undefined && bytes.buffer === this.#slab.buffer) this.#begin = this.#filled;
    this.#handedOut += bytes.length;
    if (slab?.length === SLAB_BYTES) this.#used.push({ slab, atBytes: this.#handedOut });
    if (bytes.length > 0) return bytes;
    return this.#waiting.length > 0 || this.#filled > this.#begin ? this.#take() : undefined;
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (this.#isPaused) {
      this.#isPaused = false;
      if (this.#slab.length - this.#filled < MIN_ROOM_BYTES) this.#beginSlab();
      this.#socket.resume();
    }
    await promise;
  }

  /** A server that sends a byte now and then is never silent: what comes before the body has an end of its own. */
  #endAfter(timeoutMs: number, why: string): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#socket.destroy(timedOut(why)), timeoutMs);
  }

  #end(ending: { failure?: Error }): void {
    clearTimeout(this.#deadline);
    this.#ending ??= ending;
    this.#wake();
  }
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: "ETIMEDOUT" });
}

function endedEarly(): Error {
  return Object.assign(new Error("the connection ended early"), { code: "ECONNRESET" });
}
