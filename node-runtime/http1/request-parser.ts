import * as llhttp from "./llhttp.ts";
import { Stop, type ParserCallbacks } from "./llhttp.ts";
import { RequestHead } from "./request-head.ts";

/** The largest request head, and the largest trailers, that are read. */
export const MAX_HEAD_BYTES = 32 * 1024;

/**
 * What the framing of a body may take besides its content: sizes of chunks and their extensions. Chunks of a byte each
 * take five times theirs.
 */
const MAX_FRAMING_BYTES = 64 * 1024;
const MAX_FRAMING_FACTOR = 8;

/** Thrown for bytes that are no request, or one that is too large. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly kind: "malformed" | "head-too-large";

  constructor(kind: ProtocolError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Node.js' own Latin-1 decoder, which takes any Uint8Array. */
const latin1Slice: (this: Uint8Array, start: number, end: number) => string = Reflect.get(
  Buffer.prototype,
  "latin1Slice",
);

/** Parses the requests of one connection, one after another. What it found waits to be taken. */
export class RequestParser implements ParserCallbacks {
  readonly #state = llhttp.openParser();
  #stop: number = Stop.None;
  #bytes: Uint8Array = EMPTY;
  #head: RequestHead | undefined;
  #body: Uint8Array[] = [];
  #target = "";
  /** Of the head, then of the trailers: names and values in turn. */
  #fields: string[] = [];
  /** The last piece was one of a value: another one is its rest. */
  #isValue = false;
  #fieldBytes = 0;
  #isTooLarge = false;
  #isPastHead = false;
  #parsedBytes = 0;
  #bodyBytes = 0;
  #isComplete = false;

  /** True from a message's last byte until `next`. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Names and values of the trailers of a complete message. */
  get trailers(): string[] {
    return this.#fields;
  }

  /**
   * Parses bytes up to the end of a message; returns how many. What is left belongs to the next one: call `next` first.
   * Throws ProtocolError, after which the connection is of no use.
   */
  parse(bytes: Uint8Array): number {
    let parsed = 0;
    while (parsed < bytes.length && !this.#isComplete) {
      this.#bytes = parsed === 0 ? bytes : bytes.subarray(parsed);
      const wasPastHead = this.#isPastHead;
      const result = llhttp.execute(this.#state, this, this.#bytes);
      parsed += result.parsed;
      this.#stop = result.stop;
      if (result.stop === Stop.Upgrade) llhttp.resumeParser(this.#state, result.stop);
      else if (result.stop !== Stop.None && result.stop !== Stop.Paused) throw this.#error(result.stop);
      // Not what a head ends in: it has its own limit.
      if (wasPastHead === this.#isPastHead) this.#checkFraming(result.parsed);
    }
    this.#bytes = EMPTY;
    return parsed;
  }

  /** Returns the head of the message, once. */
  takeHead(): RequestHead | undefined {
    const head = this.#head;
    this.#head = undefined;
    return head;
  }

  /** Returns what came of the body since the last call. */
  takeBody(): Uint8Array[] {
    if (this.#body.length === 0) return NOTHING;
    const body = this.#body;
    this.#body = [];
    return body;
  }

  /** Goes on to the next message. */
  next(): void {
    this.#isComplete = false;
    llhttp.resumeParser(this.#state, this.#stop);
  }

  /** Frees its state; it must not be used after that. */
  close(): void {
    llhttp.closeParser(this.#state);
  }

  begin(): void {
    this.#target = "";
    this.#fields = [];
    this.#fieldBytes = 0;
    this.#isPastHead = false;
    this.#parsedBytes = 0;
    this.#bodyBytes = 0;
  }

  target(start: number, end: number): boolean {
    this.#target += latin1Slice.call(this.#bytes, start, end);
    return this.#fits(end - start);
  }

  field(start: number, end: number): boolean {
    const text = latin1Slice.call(this.#bytes, start, end);
    // A name, unless the last one has no value yet: then it is the rest of that one.
    if (this.#fields.length % 2 === 0) this.#fields.push(text);
    else this.#fields[this.#fields.length - 1] += text;
    this.#isValue = false;
    return this.#fits(end - start);
  }

  value(start: number, end: number): boolean {
    const text = latin1Slice.call(this.#bytes, start, end);
    if (this.#isValue) this.#fields[this.#fields.length - 1] += text;
    else this.#fields.push(text);
    this.#isValue = true;
    return this.#fits(end - start);
  }

  head(state: number): void {
    this.#head = new RequestHead(
      {
        method: llhttp.methodOf(state),
        target: this.#target,
        version: llhttp.versionOf(state),
        keepsAlive: llhttp.keepsAlive(state),
      },
      trimmed(this.#fields),
    );
    this.#isPastHead = true;
    this.#fields = [];
    this.#fieldBytes = 0;
    this.#isValue = false;
  }

  body(start: number, end: number): void {
    this.#bodyBytes += end - start;
    this.#body.push(this.#bytes.subarray(start, end));
  }

  message(): void {
    trimmed(this.#fields);
    this.#isComplete = true;
  }

  #fits(bytes: number): boolean {
    this.#fieldBytes += bytes;
    this.#isTooLarge = this.#fieldBytes > MAX_HEAD_BYTES;
    return !this.#isTooLarge;
  }

  /** Chunks may carry extensions without end and without content. */
  #checkFraming(parsed: number): void {
    this.#parsedBytes += parsed;
    if (this.#parsedBytes <= MAX_FRAMING_BYTES + MAX_FRAMING_FACTOR * this.#bodyBytes) return;
    throw new ProtocolError("malformed", "the body's chunks have more framing than content");
  }

  #error(stop: number): ProtocolError {
    return this.#isTooLarge
      ? new ProtocolError("head-too-large", `the request's headers are larger than ${MAX_HEAD_BYTES} bytes`)
      : new ProtocolError("malformed", `the request is not valid HTTP/1.1 (${llhttp.errorName(stop)})`);
  }
}

const EMPTY = new Uint8Array(0);
const NOTHING: Uint8Array[] = [];

/** White space behind a value is not part of it (RFC 9110 section 5.5); the parser has skipped what is before it. */
function trimmed(fields: string[]): string[] {
  for (let index = 1; index < fields.length; index += 2) {
    const value = fields[index]!;
    const last = value.charCodeAt(value.length - 1);
    if (last === 0x20 || last === 0x09) fields[index] = value.replace(/[ \t]+$/, "");
  }
  return fields;
}
