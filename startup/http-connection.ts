import { once } from "node:events";
import { connect, type Socket } from "node:net";

/*
 * A client that costs little, because its own time is in every latency: one keep-alive connection, one request at a time,
 * and of the answer no more is read than where it ends (Content-Length, or the last chunk, as RFC 9112 section 6 has them).
 */

const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = "0\r\n\r\n";
const TIMEOUT_MS = 10_000;
/** Whoever answers may be anybody: what is asked for is a few bytes. */
const MAX_ANSWER = 1_048_576;

/** An answer that nobody waits for: what is asked for has to be small. */
export class AnswerTooLong extends Error {
  override readonly name = "AnswerTooLong";
}

/** An answer with another status than 200. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
}

/** One keep-alive connection. */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #request: string;
  #received = "";
  #waiting: PromiseWithResolvers<string> | undefined;

  private constructor(socket: Socket, request: string) {
    this.#socket = socket;
    this.#request = request;
    socket.setEncoding("latin1").setNoDelay(true);
    socket.on("data", (text) => this.#receive(String(text)));
    socket.setTimeout(TIMEOUT_MS, () => this.#waiting?.reject(this.#noAnswer()));
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => this.#end());
  }

  /** Connects to the host and port of an http URL; the connection ends when the signal is aborted. */
  static async open(url: string, signal?: AbortSignal): Promise<HttpConnection> {
    const { hostname, port, host, pathname, search } = new URL(url);
    signal?.throwIfAborted();
    const socket = connect({ host: hostname, port: Number(port) });
    const end = (): unknown => socket.destroy(signal?.reason as Error);
    signal?.addEventListener("abort", end);
    // The signal is that of thousands of connections: what stays on it makes each of them slower.
    socket.once("close", () => signal?.removeEventListener("abort", end));
    await once(socket, "connect");
    return new HttpConnection(socket, `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }

  /** Connects for one GET alone, and resolves to its whole answer. */
  static async getOnce(url: string, signal?: AbortSignal): Promise<string> {
    const connection = await HttpConnection.open(url, signal);
    return connection.get().finally(() => connection.close());
  }

  /** False once the server has closed it. */
  get isOpen(): boolean {
    return this.#socket.writable;
  }

  /** Sends GET and resolves to the whole answer, head included; rejects unless it is a 200. */
  async get(): Promise<string> {
    const answer = await this.exchange();
    if (!/^HTTP\/1\.[01] 200 /.test(answer)) throw new UnexpectedAnswer(`expected 200, got ${answer.slice(0, 200)}`);
    return answer;
  }

  /** Sends GET and resolves to the whole answer, whatever its status. */
  async exchange(): Promise<string> {
    if (!this.isOpen) throw new Error("the server closed the connection while it was idle");
    this.#waiting = Promise.withResolvers<string>();
    this.#socket.write(this.#request);
    return this.#waiting.promise;
  }

  /** Resolves to the microseconds that one request took. */
  async time(): Promise<number> {
    const begin = performance.now();
    await this.get();
    return Math.round((performance.now() - begin) * 1e3);
  }

  close(): void {
    this.#socket.destroy();
  }

  #noAnswer(): Error {
    return new Error(`no whole answer within ${TIMEOUT_MS / 1000} s, only ${JSON.stringify(this.#received)}`);
  }

  /** An answer with neither a length nor chunks is over when the connection is. */
  #end(): void {
    const headEnd = this.#received.indexOf(HEAD_END);
    const isFramed = /\r\n(content-length|transfer-encoding):/i.test(this.#received.slice(0, headEnd + 2));
    if (headEnd !== -1 && !isFramed) this.#waiting?.resolve(this.#received);
    else this.#waiting?.reject(new Error("the server closed the connection"));
  }

  #receive(text: string): void {
    this.#received += text;
    if (this.#received.length > MAX_ANSWER) {
      this.#received = "";
      this.#waiting?.reject(new AnswerTooLong(`the answer is longer than ${MAX_ANSWER} bytes: ask for a shorter one`));
      return this.close();
    }
    if (!isComplete(this.#received)) return;
    const answer = this.#received;
    this.#received = "";
    this.#waiting?.resolve(answer);
  }
}

/** True when the text is a whole answer with a length or in chunks. */
function isComplete(text: string): boolean {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd))?.[1];
  return length === undefined
    ? text.endsWith(LAST_CHUNK)
    : text.length >= headEnd + HEAD_END.length + Number.parseInt(length, 10);
}
