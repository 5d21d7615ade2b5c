import { connect, type Socket } from "node:net";

/** How a request ended: the answer's status, or `cut` where the connection ended instead. */
export type Outcome = number | "cut";

const HEAD_END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CLOSES = /\r\nconnection: *close/i;
/** Where the status stands in `HTTP/1.1 200 OK`. */
const STATUS_AT = 9;
const STATUS_END = 12;

/**
 * A keep-alive connection of a load generator: no promise and no timer for a request, because what the client costs is
 * taken from the server that it shares the machine with.
 */
export class LoadConnection {
  readonly #socket: Socket;
  readonly #request: string;
  readonly #onEnd: (connection: LoadConnection) => void;
  #received = "";
  #answered: ((outcome: Outcome) => void) | undefined;
  #isUsable = true;

  /** Connects to the host and port of an http URL; what is sent meanwhile waits. `onEnd` is called once, when it is closed. */
  constructor(url: URL, onEnd: (connection: LoadConnection) => void) {
    this.#request = `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;
    this.#onEnd = onEnd;
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text) => this.#receive(String(text)));
    this.#socket.on("error", () => {}); // `close` follows
    this.#socket.on("close", () => this.#end());
  }

  /** False once the server has said that it takes no further request. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** Sends the request; `answered` is called once, unless the connection is abandoned before. */
  send(answered: (outcome: Outcome) => void): void {
    this.#answered = answered;
    this.#socket.write(this.#request);
  }

  /** Closes it; nobody waits for the answer any more. */
  abandon(): void {
    this.#answered = undefined;
    this.#isUsable = false;
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = this.#received.slice(0, headEnd);
    const length = LENGTH.exec(head)?.[1] ?? "0";
    if (this.#received.length < headEnd + HEAD_END.length + Number(length)) return;
    this.#received = "";
    if (CLOSES.test(head)) this.#isUsable = false;
    this.#settle(Number(head.slice(STATUS_AT, STATUS_END)));
  }

  #settle(outcome: Outcome): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(outcome);
  }

  #end(): void {
    this.#isUsable = false;
    this.#settle("cut");
    this.#onEnd(this);
  }
}
