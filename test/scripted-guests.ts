import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { EXPORT_ERROR_CODE, NO_ERROR, SET_PARAMS } from "./http-error-code-text.ts";

/*
 * wasi:http components as text, for what no compiler writes or no toolchain offers: a start function that traps, and
 * 1xx responses (`response-outparam.send-informational` is behind a feature gate in the WIT).
 */

/** A 1xx response that a scripted guest sends before its answer. */
export interface Informational {
  status: number;
  headers?: readonly (readonly [name: string, value: string])[];
}

/** What a scripted guest does with a request, whatever it is. */
export interface Script {
  informational?: readonly Informational[];
  /** How often it sends them; once when left out. */
  rounds?: number;
  /** What the core module's start function does, before any call. */
  start?: string;
}

/** Where the text of headers begins; below it are results that nobody looks at. */
const TEXT_OFFSET = 64;

/** Returns a component that exports wasi:http/incoming-handler, follows the script and answers 200 without a body. */
export function buildScriptedGuest({ informational = [], rounds = 1, start = "" }: Script): Promise<Uint8Array> {
  const text = new TextPool();
  const sends = informational.map((response) => sendInformational(response, text)).join("\n");
  return parse(`(component
    ${IMPORT_TYPES}
    (core module $libc
      (memory (export "memory") 1)
      (data (i32.const ${TEXT_OFFSET}) "${text.escaped}")
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
    (core instance $libc (instantiate $libc))
    ${lower("fields", "[constructor]fields")}
    ${lower("append", "[method]fields.append")}
    ${lower("response", "[constructor]outgoing-response")}
    ${lower("inform", "[method]response-outparam.send-informational")}
    ${lower("set", "[static]response-outparam.set")}
    (core module $main
      (import "host" "fields" (func $fields (result i32)))
      (import "host" "append" (func $append (param i32 i32 i32 i32 i32 i32)))
      (import "host" "response" (func $response (param i32) (result i32)))
      (import "host" "inform" (func $inform (param i32 i32 i32 i32)))
      (import "host" "set" (func $set ${SET_PARAMS}))
      (func $start ${start})
      (start $start)
      (func (export "handle") (param $request i32) (param $outparam i32)
        (local $headers i32)
        (local $round i32)
        (loop $again
          ${sends}
          (local.set $round (i32.add (local.get $round) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $round) (i32.const ${rounds}))))
        (call $set (local.get $outparam) (i32.const 0) (call $response (call $fields)) ${NO_ERROR})))
    (core instance $main (instantiate $main (with "host" (instance
      (export "fields" (func $fields)) (export "append" (func $append)) (export "response" (func $response))
      (export "inform" (func $inform)) (export "set" (func $set))))))
    (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
      (canon lift (core func $main "handle")))
    (instance $exported (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.4" (instance $exported)))`);
}

/** The part of wasi:http/types that the scripts call. */
const IMPORT_TYPES = `
    (import "wasi:http/types@0.2.4" (instance $types
      (type $header-error' (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
      (export "header-error" (type $header-error (eq $header-error')))
      ${EXPORT_ERROR_CODE}
      (export "fields" (type $fields (sub resource)))
      (export "incoming-request" (type (sub resource)))
      (export "outgoing-response" (type $response (sub resource)))
      (export "response-outparam" (type $outparam (sub resource)))
      (export "[constructor]fields" (func (result (own $fields))))
      (export "[method]fields.append" (func (param "self" (borrow $fields)) (param "name" string)
        (param "value" (list u8)) (result (result (error $header-error)))))
      (export "[constructor]outgoing-response" (func (param "headers" (own $fields)) (result (own $response))))
      (export "[method]response-outparam.send-informational" (func (param "self" (borrow $outparam))
        (param "status" u16) (param "headers" (own $fields)) (result (result (error $error-code)))))
      (export "[static]response-outparam.set" (func (param "param" (own $outparam))
        (param "response" (result (own $response) (error $error-code)))))))
    (alias export $types "incoming-request" (type $request))
    (alias export $types "response-outparam" (type $outparam))`;

function lower(name: string, from: string): string {
  return `(core func $${name} (canon lower (func $types "${from}")
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))`;
}

function sendInformational({ status, headers = [] }: Informational, text: TextPool): string {
  const appends = headers.map(
    ([name, value]) => `(call $append (local.get $headers) ${text.place(name)} ${text.place(value)} (i32.const 0))`,
  );
  return `(local.set $headers (call $fields))
        ${appends.join("\n")}
        (call $inform (local.get $outparam) (i32.const ${status}) (local.get $headers) (i32.const 0))`;
}

/** Text that a module holds in its memory. */
class TextPool {
  #bytes = Buffer.alloc(0);

  /** Adds text; returns its address and length as two constants. */
  place(text: string): string {
    const added = Buffer.from(text);
    const address = TEXT_OFFSET + this.#bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, added]);
    return `(i32.const ${address}) (i32.const ${added.length})`;
  }

  get escaped(): string {
    return this.#bytes.toString("hex").replace(/../g, "\\$&");
  }
}
