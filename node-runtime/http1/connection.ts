/**
 * One client's connection. Requests are served one after another in their order, however many were sent at once: what
 * lies behind the one that is served stays unread, and the event loop gets a turn before the next.
 *
 *   idle ──▶ reading a head ──▶ exchange ──▶ (lingering: the rest of a body that nobody wants) ──▶ idle or ended
 */
import type { Socket } from "node:net";
import { Exchange, type ExchangeChannel } from "./exchange.ts";
import { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { ProtocolError, RequestParser } from "./request-parser.ts";
import { formatHead, KEEP_ALIVE_SECONDS, type HeaderLine } from "./response-head.ts";

/** How long a client may take to send a request's head. */
const HEAD_TIMEOUT_SECONDS = 30;
/** How long the rest of a body that nobody wants is read: closing on unread bytes resets the connection, and the answer is lost. */
const LINGER_SECONDS = 2;
/** Up to this many bytes are copied into one piece: cheaper than several writes. */
const JOIN_BYTES = 16 * 1024;

/** A whole answer to what is no request. */
export interface Refusal {
  status: number;
  headers: readonly HeaderLine[];
  body: string;
}

/** What connections belong to. */
export interface ConnectionOwner {
  /** New requests are not wanted: responses say so. */
  readonly isDraining: boolean;
  /** Its clock, which counts seconds: telling the time costs more than all else that a connection does for a request. */
  readonly seconds: number;
  serve(exchange: Exchange): void;
  refuse(error: ProtocolError): Refusal;
  closed(connection: Connection): void;
}

type Phase = "idle" | "head" | "exchange" | "lingering" | "ended";

/** A connection over a socket. */
export class Connection implements ExchangeChannel {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser = new RequestParser();
  #phase: Phase = "idle";
  /** The owner's clock when the phase began. */
  #sinceSeconds: number;
  #exchange: Exchange | undefined;
  #keepsAlive = true;
  /** Read, and not parsed yet: it lies behind the message that is served. */
  #ahead: Uint8Array = NOTHING;
  /** The next message waits for a turn of the event loop. */
  #awaitsTurn = false;
  #isPaused = false;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#sinceSeconds = owner.seconds;
    socket.on("data", (bytes) => this.#receive(bytes as Buffer));
    socket.on("drain", () => this.#exchange?.resume());
    socket.on("end", () => this.#leave());
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => this.#close());
  }

  get hasRoom(): boolean {
    return !this.#socket.writableNeedDrain;
  }

  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** While requests wait behind this one, ending the connection would lose them. */
  get mustClose(): boolean {
    return this.#owner.isDraining && this.#ahead.length === 0;
  }

  get isIdle(): boolean {
    return this.#phase === "idle";
  }

  write(parts: readonly (Uint8Array | string)[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length <= JOIN_BYTES) return void this.#socket.write(join(parts, length));
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part, "latin1");
    this.#socket.uncork();
  }

  cut(): void {
    this.#socket.destroy();
    // The socket's own event comes later: whoever serves must know now.
    this.#exchange?.lose("the connection was cut");
  }

  finish(closes: boolean): void {
    this.#exchange?.body?.close();
    this.#exchange = undefined;
    this.#keepsAlive = !closes;
    if (this.#parser.isComplete) this.#goOn();
    else {
      this.#enter("lingering");
      if (closes) this.#socket.end();
    }
    this.#regulate();
  }

  /** Ends the connection if it is idle. */
  endIfIdle(): void {
    if (this.#phase === "idle") this.#end();
  }

  /** Cuts it. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends the connection when its time is over; to be called each second. */
  check(): void {
    const age = this.#owner.seconds - this.#sinceSeconds;
    if (this.#phase === "idle" && age > KEEP_ALIVE_SECONDS) this.#end();
    else if (this.#phase === "head" && age > HEAD_TIMEOUT_SECONDS) {
      this.#refuse(new ProtocolError("malformed", `the request's head took longer than ${HEAD_TIMEOUT_SECONDS} s`));
    } else if ((this.#phase === "lingering" || this.#phase === "ended") && age > LINGER_SECONDS) this.#socket.destroy();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#phase === "ended") return;
    this.#ahead = this.#ahead.length === 0 ? bytes : Buffer.concat([this.#ahead, bytes]);
    if (!this.#parser.isComplete && !this.#awaitsTurn) this.#parse();
    this.#regulate();
  }

  #parse(): void {
    const bytes = this.#ahead;
    let parsed: number;
    try {
      parsed = this.#parser.parse(bytes);
    } catch (thrown) {
      return this.#refuse(thrown as ProtocolError);
    }
    this.#ahead = parsed === bytes.length ? NOTHING : bytes.subarray(parsed);
    const head = this.#parser.takeHead();
    if (head !== undefined) return this.#begin(head);
    const chunks = this.#parser.takeBody();
    if (this.#phase === "idle") this.#enter("head");
    else if (this.#phase === "exchange") {
      this.#exchange?.body?.push(chunks);
      if (this.#parser.isComplete) this.#exchange?.body?.end(this.#parser.trailers);
    } else if (this.#phase === "lingering" && this.#parser.isComplete) this.#goOn();
  }

  #begin(head: RequestHead): void {
    const chunks = this.#parser.takeBody();
    const { isComplete } = this.#parser;
    const body = isComplete && chunks.length === 0 ? undefined : new RequestBody(() => this.#regulate());
    body?.push(chunks);
    if (isComplete) body?.end(this.#parser.trailers);
    this.#enter("exchange");
    this.#exchange = new Exchange(head, body, this);
    this.#owner.serve(this.#exchange);
  }

  /** The message was read and answered: the next one, if there is to be one. */
  #goOn(): void {
    if (!this.#keepsAlive) return this.#end();
    this.#parser.next();
    this.#enter("idle");
    if (this.#ahead.length === 0) return;
    this.#awaitsTurn = true;
    setImmediate(() => {
      this.#awaitsTurn = false;
      if (this.#phase !== "idle") return;
      this.#parse();
      this.#regulate();
    });
  }

  /** Answers what is no request, and ends the connection. */
  #refuse(error: ProtocolError): void {
    const exchange = this.#exchange;
    if (exchange?.hasBegun === true || this.#phase === "lingering") return this.cut();
    this.#exchange = undefined;
    const { status, headers, body } = this.#owner.refuse(error);
    this.write([
      formatHead(status, headers, { framing: "length", length: Buffer.byteLength(body), closes: true }),
      Buffer.from(body),
    ]);
    this.#end();
    exchange?.lose(error.message);
  }

  /** The client sends no more: it is leaving, as every server takes it. */
  #leave(): void {
    if (this.#phase === "exchange") {
      this.#socket.destroy();
      this.#exchange?.lose("the client went away");
    } else this.#end();
  }

  #end(): void {
    this.#enter("ended");
    this.#socket.end();
  }

  #close(): void {
    this.#enter("ended");
    this.#exchange?.lose("the client went away");
    this.#exchange = undefined;
    this.#parser.close();
    this.#owner.closed(this);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#sinceSeconds = this.#owner.seconds;
  }

  /** Reads no more than is wanted: the client has to wait then. */
  #regulate(): void {
    const pause = this.#phase !== "ended" && (this.#ahead.length > 0 || this.#exchange?.body?.isFull === true);
    if (pause === this.#isPaused) return;
    this.#isPaused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }
}

const NOTHING = new Uint8Array(0);

function join(parts: readonly (Uint8Array | string)[], length: number): Buffer {
  const joined = Buffer.allocUnsafe(length);
  let offset = 0;
  for (const part of parts) {
    if (typeof part === "string") joined.write(part, offset, "latin1");
    else joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
