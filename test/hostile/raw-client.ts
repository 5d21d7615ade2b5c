import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Bytes that a slow reader takes at a time. */
const SIP_BYTES = 16 * 1024;
/** The heads of all 1xx responses ahead of the answer. */
const INFORMATIONAL = /^(?:HTTP\/1\.1 1\d\d[^]*?\r\n\r\n)+/;
const STATUS_LINE = /^HTTP\/1\.1 (\d{3})/;
const ERROR_CODE = /^x-wasmlet-error: (\S+)/im;

/** A client that sends what it likes, byte by byte, and reads or does not. */
export class RawClient {
  readonly #socket: Socket;
  #received = "";
  #isClosed = false;
  readonly #changed = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#note(() => (this.#received += bytes.toString("latin1"))));
    socket.on("error", () => {});
    socket.on("close", () => this.#note(() => (this.#isClosed = true)));
  }

  /** Connects to the host and port of a URL. */
  static async open(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  send(bytes: string): void {
    this.#socket.write(bytes, "latin1");
  }

  /** Reads nothing. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  /** Reads a little, each time after a pause. */
  readSlowly(pauseMs: number): void {
    this.#socket.removeAllListeners("data");
    this.#socket.pause();
    const timer = setInterval(() => this.#socket.read(SIP_BYTES), pauseMs);
    this.#socket.on("close", () => clearInterval(timer));
  }

  /** Sends the same again and again until the connection ends. */
  trickle(bytes: string, pauseMs: number): void {
    const timer = setInterval(() => this.#socket.write(bytes), pauseMs);
    this.#socket.on("close", () => clearInterval(timer));
  }

  /** Ends the connection at once. */
  leave(): void {
    this.#socket.destroy();
  }

  /** Resolves to the first answer's status and error code once it is there; to `cut` when the connection ends before. */
  async outcome(): Promise<string> {
    await this.#until(() => this.#isClosed || this.#answer.includes("\r\n\r\n"));
    this.leave();
    const status = STATUS_LINE.exec(this.#answer)?.[1];
    return status === undefined ? "cut" : `${status} ${ERROR_CODE.exec(this.#answer)?.[1] ?? ""}`.trim();
  }

  /** Resolves to how often a text was received, once that is so often or the connection ends. */
  async count(text: string, times: number): Promise<string> {
    const counted = (): number => this.#received.split(text).length - 1;
    await this.#until(() => this.#isClosed || counted() >= times);
    this.leave();
    return `${counted()} answers`;
  }

  /** Resolves once the server has ended the connection, which a client that reads nothing finds out by writing. */
  async closed(): Promise<string> {
    while (!this.#isClosed) {
      await delay(20);
      if (this.#socket.isPaused()) this.#socket.write("x");
    }
    return "closed";
  }

  get #answer(): string {
    return this.#received.replace(INFORMATIONAL, "");
  }

  #note(change: () => void): void {
    change();
    for (const look of this.#changed) look();
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#changed.delete(look);
        resolve();
      };
      this.#changed.add(look);
      look();
    });
  }
}
