/**
 * llhttp, the HTTP/1 parser of Node.js, in WebAssembly: one instance for all connections of a process, one small parser
 * state each. It is strict as it comes: nothing of its lenient modes is switched on.
 *
 *   bytes ──▶ execute ──▶ callbacks (target, field, value, head, body, message) ──▶ how far it came, and why it stopped
 */
import wasm from "undici/lib/llhttp/llhttp_simd-wasm.js";

/** Why the parser stopped; its own numbers: https://github.com/nodejs/llhttp */
export const Stop = { None: 0, Paused: 21, Upgrade: 22 } as const;

/** A callback's answer that stops the parser with an error of the caller's. */
const REFUSED = 24;
/** `HTTP_REQUEST` of llhttp. */
const REQUEST = 1;
/** The most that is parsed at a time. */
const INPUT_BYTES = 64 * 1024;

type ParserState = number;

/** Told what is found; positions are within the bytes of the current `execute`. They must not parse themselves. */
export interface ParserCallbacks {
  begin(): void;
  /** False refuses what is too long; likewise `field` and `value`. Each may come in several pieces. */
  target(start: number, end: number): boolean;
  field(start: number, end: number): boolean;
  value(start: number, end: number): boolean;
  head(state: ParserState): void;
  body(start: number, end: number): void;
  /** The message is complete: the parser pauses behind it. */
  message(state: ParserState): void;
}

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  llhttp_alloc(type: number): ParserState;
  llhttp_free(state: ParserState): void;
  llhttp_execute(state: ParserState, pointer: number, length: number): number;
  llhttp_get_error_pos(state: ParserState): number;
  llhttp_errno_name(errno: number): number;
  llhttp_resume(state: ParserState): void;
  llhttp_resume_after_upgrade(state: ParserState): void;
  llhttp_should_keep_alive(state: ParserState): number;
  llhttp_get_http_major(state: ParserState): number;
  llhttp_get_http_minor(state: ParserState): number;
  llhttp_get_method(state: ParserState): number;
  llhttp_method_name(method: number): number;
}

let current: ParserCallbacks;
const orRefused = (accepted: boolean): number => (accepted ? 0 : REFUSED);

const exports = new WebAssembly.Instance(new WebAssembly.Module(wasm), {
  env: {
    wasm_on_status: () => 0,
    wasm_on_message_begin: () => (current.begin(), 0),
    wasm_on_url: (_state: number, at: number, length: number) =>
      orRefused(current.target(at - input, at - input + length)),
    wasm_on_header_field: (_state: number, at: number, length: number) =>
      orRefused(current.field(at - input, at - input + length)),
    wasm_on_header_value: (_state: number, at: number, length: number) =>
      orRefused(current.value(at - input, at - input + length)),
    wasm_on_headers_complete: (state: number) => (current.head(state), 0),
    wasm_on_body: (_state: number, at: number, length: number) => (current.body(at - input, at - input + length), 0),
    wasm_on_message_complete: (state: number) => (current.message(state), Stop.Paused),
  },
}).exports as unknown as Exports;
exports._initialize();
const input = exports.malloc(INPUT_BYTES);
let memory = new Uint8Array(exports.memory.buffer);

/** Returns a new parser of requests. */
export function openParser(): ParserState {
  return exports.llhttp_alloc(REQUEST);
}

/** Frees a parser. */
export function closeParser(state: ParserState): void {
  exports.llhttp_free(state);
}

/**
 * Parses up to 64 KiB of `bytes`. Returns how many were parsed and why it stopped: `Stop.None` when all were,
 * `Stop.Paused` behind a message, else the number of an error.
 */
export function execute(
  state: ParserState,
  callbacks: ParserCallbacks,
  bytes: Uint8Array,
): { parsed: number; stop: number } {
  const length = Math.min(bytes.length, INPUT_BYTES);
  if (memory.length === 0) memory = new Uint8Array(exports.memory.buffer); // it grew
  memory.set(length === bytes.length ? bytes : bytes.subarray(0, length), input);
  current = callbacks;
  const stop = exports.llhttp_execute(state, input, length);
  return { parsed: stop === Stop.None ? length : exports.llhttp_get_error_pos(state) - input, stop };
}

/** Lets a parser go on that paused behind a message; a request to upgrade is one like any other. */
export function resumeParser(state: ParserState, stop: number): void {
  if (stop === Stop.Upgrade) exports.llhttp_resume_after_upgrade(state);
  else exports.llhttp_resume(state);
}

/** Returns whether the connection may carry another message behind the one just parsed (RFC 9112 section 9.3). */
export function keepsAlive(state: ParserState): boolean {
  return exports.llhttp_should_keep_alive(state) !== 0;
}

/** Returns the message's version, as `1.1`. */
export function versionOf(state: ParserState): string {
  const [major, minor] = [exports.llhttp_get_http_major(state), exports.llhttp_get_http_minor(state)];
  return major === 1 && minor === 1 ? "1.1" : `${major}.${minor}`;
}

const methods = new Map<number, string>();

/** Returns the request's method. */
export function methodOf(state: ParserState): string {
  const method = exports.llhttp_get_method(state);
  let name = methods.get(method);
  if (name === undefined) methods.set(method, (name = textAt(exports.llhttp_method_name(method))));
  return name;
}

/** Returns the name of an error's number, as `HPE_INVALID_METHOD`. */
export function errorName(stop: number): string {
  return textAt(exports.llhttp_errno_name(stop));
}

function textAt(pointer: number): string {
  const bytes = new Uint8Array(exports.memory.buffer);
  return Buffer.from(bytes.subarray(pointer, bytes.indexOf(0, pointer))).toString("latin1");
}
