import { componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { hostFunctions } from "./host-functions.ts";

/*
 * Hostile guests as WAT: a few lines each, around them what every wasi:http component needs. A host function is imported
 * when the text calls it by its short name, as `(call $fields.append …)`.
 *
 *   0      64            1024      65536
 *   │ none │ host's results │ text    │ what realloc gives out, as far as memory grows
 */

/** What the core module of a hostile guest does. */
export interface GuestText {
  /** The body of `handle`: `$request` and `$out` are its parameters, `$i`, `$j`, `$n` and `$stream` i32 locals, `$wide` an i64 local. */
  handle: string;
  /** Further definitions: functions, tables, globals, data, a start function. */
  definitions?: string;
  /** Types, which stand first: others refer to them. */
  types?: string;
  /** The body of `realloc`, whose parameters are `$old`, `$oldSize`, `$align` and `$size`. */
  realloc?: string;
  /** What is run once when the instance is made, before any request; host functions may be called. */
  initialize?: string;
  /** The engine that is to bind it; the fast one unless given. */
  engine?: "lean" | "jco";
  /** Limits of the memory, in pages: `2`, or `2 1000`. */
  memory?: string;
}

/** Where the answers of host functions go: discriminants at RESULT, what they carry at VALUE. */
export const RESULT = "(i32.const 64)";
export const VALUE = "(i32.load (i32.const 68))";

/** The rest of `response-outparam.set`'s parameters where the response is no error. */
const NO_ERROR = "(i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)";

const BUMP = `
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
  (global.set $heap (i32.add (local.get $at) (local.get $size)))
  (if (i32.gt_u (global.get $heap) (i32.shl (memory.size) (i32.const 16)))
    (then (if (i32.eq (i32.const -1) (memory.grow
      (i32.sub (i32.add (i32.shr_u (global.get $heap) (i32.const 16)) (i32.const 1)) (memory.size))))
      (then unreachable))))
  (local.get $at)`;

/** Functions that guests call: to answer at once, with a number as the body, or to begin and end a body. */
const HELPERS = `
  (func $respond (param $out i32) (param $response i32)
    (call $response-outparam.set (local.get $out) (i32.const 0) (local.get $response) ${NO_ERROR}))
  (func $answer (param $out i32)
    (call $respond (local.get $out) (call $outgoing-response.new (call $fields.new))))
  (func $begin (param $out i32) (result i32) (local $response i32)
    (local.set $response (call $outgoing-response.new (call $fields.new)))
    (call $outgoing-response.body (local.get $response) ${RESULT})
    (global.set $body ${VALUE})
    (call $respond (local.get $out) (local.get $response))
    (call $outgoing-body.write (global.get $body) ${RESULT})
    ${VALUE})
  (func $finish (param $stream i32)
    (call $output-stream.drop (local.get $stream))
    (call $outgoing-body.finish (global.get $body) (i32.const 0) (i32.const 0) ${RESULT}))
  (func $answer-number (param $out i32) (param $number i32) (local $at i32) (local $stream i32)
    (local.set $at (i32.const 256))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $digit (local.get $number)))
    (local.set $stream (call $begin (local.get $out)))
    (call $output-stream.blocking-write-and-flush
      (local.get $stream) (local.get $at) (i32.sub (i32.const 256) (local.get $at)) ${RESULT})
    (call $finish (local.get $stream)))`;

/** Returns the component of a hostile guest that serves HTTP. */
export async function buildGuest(text: GuestText): Promise<Uint8Array> {
  const { imports, worldSections } = await hostFunctions();
  const code = moduleText(text);
  const called = new Set([...code.matchAll(/\$([a-z0-9-]+\.[a-z0-9-]+)/g)].map(([, name]) => name ?? ""));
  const used = [...called].map((name) => imports.get(name) ?? fail(`no host function is called ${name}`));
  const module = await parse(`(module ${text.types ?? ""} ${used.join("\n")} ${code})`);
  return componentNew(Buffer.concat([module, worldSections[text.engine ?? "lean"]]), []);
}

function moduleText({ handle, definitions = "", realloc = BUMP, initialize = "", memory = "2" }: GuestText): string {
  return `
  (memory $memory (export "cm32p2_memory") ${memory})
  (global $heap (mut i32) (i32.const 65536))
  (global $body (mut i32) (i32.const 0))
  ${HELPERS}
  ${definitions}
  (func (export "cm32p2_realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    ${realloc})
  (func (export "cm32p2_initialize") (local $i i32) ${initialize})
  (func (export "cm32p2|wasi:http/incoming-handler@0.2|handle") (param $request i32) (param $out i32)
    (local $i i32) (local $j i32) (local $n i32) (local $stream i32) (local $wide i64)
    ${handle})`;
}

function fail(message: string): never {
  throw new Error(message);
}
