/**
 * One client's connection. Requests are served one after another in their order, however many were sent at once: what
 * lies behind the one that is served stays unread, and the event loop gets a turn before the next.
 *
 *   idle ──▶ reading a head ──▶ exchange ──▶ (lingering: the rest of a body that nobody wants) ──▶ idle or ended
 */
import type { Socket } from "node:net";
import type { ConnectionOwner } from "./connection-owner.ts";
import { Exchange, type ExchangeChannel } from "./exchange.ts";
import { joinParts } from "./parts.ts";
import { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { ProtocolError, RequestParser } from "./request-parser.ts";
import { formatHead, KEEP_ALIVE_SECONDS } from "./response-head.ts";

/** How long a client may take to send a request's head. */
const HEAD_TIMEOUT_SECONDS = 30;
/** How long the rest of a body that nobody wants is read: closing on unread bytes resets the connection, and the answer is lost. */
const LINGER_SECONDS = 2;
/** How long a client may take to read the last of what was written, which waits here and is no more than buffers hold. */
const FLUSH_SECONDS = 30;
/** Up to this many bytes are copied into one piece: cheaper than several writes. */
const JOIN_BYTES = 16 * 1024;

type Phase = "idle" | "head" | "exchange" | "lingering" | "ended";

/** A connection over a socket. */
export class Connection implements ExchangeChannel {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser = new RequestParser();
  #phase: Phase = "idle";
  /** The owner's clock when the phase began. */
  #sinceSeconds: number;
  /** The owner's clock when the system had not taken all that was written. */
  #unsentSeconds = 0;
  #exchange: Exchange | undefined;
  /** That of the message under way; it may be read on when the response is complete. */
  #body: RequestBody | undefined;
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

  get clientAddress(): string {
    const { remoteFamily, remoteAddress = "", remotePort = 0 } = this.#socket;
    return remoteFamily === "IPv6" ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
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
    if (length <= JOIN_BYTES) return void this.#socket.write(joinParts(parts, length));
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part, "latin1");
    this.#socket.uncork();
  }

  cut(): void {
    this.#abort();
    // The socket's own event comes later: whoever serves must know now.
    this.#exchange?.lose("the connection was cut");
  }

  finish(closes: boolean): void {
    if (this.#exchange?.keepsBody !== true) this.#body?.close();
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
    if (this.#phase === "idle" && !this.#awaitsTurn) this.#end();
  }

  /** Ends the connection when its time is over; to be called each second. */
  check(): void {
    const age = this.#owner.seconds - this.#sinceSeconds;
    if (this.#phase === "idle" && age > KEEP_ALIVE_SECONDS) this.#end();
    else if (this.#phase === "head" && age > HEAD_TIMEOUT_SECONDS) {
      this.#refuse(new ProtocolError("malformed", `the request's head took longer than ${HEAD_TIMEOUT_SECONDS} s`));
    } else if (this.#phase === "lingering" || this.#phase === "ended") this.#checkLeaving(age);
  }

  #checkLeaving(age: number): void {
    const { seconds } = this.#owner;
    if (this.#socket.writableLength > 0) {
      if (age > FLUSH_SECONDS) this.#abort();
      else this.#unsentSeconds = seconds;
    } else if (Math.min(age, seconds - this.#unsentSeconds) > LINGER_SECONDS && !this.#isRead) this.#socket.destroy();
  }

  /** Somebody reads a body whose request is answered: its time is theirs. */
  get #isRead(): boolean {
    return this.#phase === "lingering" && this.#body?.isOpen === true;
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
    this.#body?.push(chunks);
    if (!this.#parser.isComplete) return;
    this.#body?.end(this.#parser.trailers);
    if (this.#phase === "lingering") this.#goOn();
  }

  #begin(head: RequestHead): void {
    const chunks = this.#parser.takeBody();
    const { isComplete } = this.#parser;
    const body = isComplete && chunks.length === 0 ? undefined : new RequestBody(() => this.#regulate());
    this.#body = body;
    body?.push(chunks);
    if (isComplete) body?.end(this.#parser.trailers);
    this.#enter("exchange");
    this.#exchange = new Exchange(head, body, this);
    this.#owner.serve(this.#exchange);
  }

  /** The message was read and answered: the next one, if there is to be one. */
  #goOn(): void {
    this.#body = undefined;
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
    exchange?.lose(error.message);
    this.#end();
  }

  /** The client sends no more: it is leaving, as every server takes it. */
  #leave(): void {
    if (this.#phase === "exchange") {
      this.#abort();
      this.#exchange?.lose("the client went away");
    } else this.#end();
  }

  #end(): void {
    this.#enter("ended");
    this.#loseBody();
    this.#socket.end();
  }

  /** What is incomplete must not look complete: to some clients the end of the connection is the end of the body. */
  #abort(): void {
    if (this.#exchange?.endsWithConnection === true || this.#socket.writableLength > 0) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** Nothing more comes of the request's body, which may still be read. */
  #loseBody(): void {
    this.#body?.fail(new Error("the client went away"));
    this.#body = undefined;
  }

  #close(): void {
    this.#enter("ended");
    this.#loseBody();
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
    const pause = this.#phase !== "ended" && (this.#ahead.length > 0 || this.#body?.isFull === true);
    if (pause === this.#isPaused) return;
    this.#isPaused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }
}

const NOTHING = new Uint8Array(0);
