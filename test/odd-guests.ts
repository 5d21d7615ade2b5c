import { EXPORT_ERROR_CODE, NO_ERROR, SET_PARAMS } from "./http-error-code-text.ts";

/*
 * Guests that no compiler writes, as component text: each does one thing that a host must stand.
 */

/** Imports `wasi:io/poll.poll` and lowers it to the core function `$poll`. */
const IMPORT_POLL = `
    (import "wasi:io/poll@0.2.0" (instance $io
      (export "pollable" (type $pollable (sub resource)))
      (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
    (core module $libc
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
    (core instance $libc (instantiate $libc))
    (core func $poll (canon lower (func $io "poll")
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))`;

/** Grows one memory and then another by a page at a time until both are refused. */
const GROW_BOTH = `
      (loop $more (br_if $more (i32.ne (call $one (i32.const 1)) (i32.const -1))))
      (loop $more (br_if $more (i32.ne (call $other (i32.const 1)) (i32.const -1))))`;

const GROWING_PART = `(memory (export "memory") 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))`;

const RUN_BOTH = `
  (core module $main
    (import "one" "grow" (func $one (param i32) (result i32)))
    (import "other" "grow" (func $other (param i32) (result i32)))
    (func (export "run") (result i32) ${GROW_BOTH} (i32.const 0)))
  (core instance $main (instantiate $main (with "one" (instance $one)) (with "other" (instance $other))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exported))`;

/** Commands that take all the memory they get, in two memories. */
export const TWO_MEMORIES = {
  "one module with two memories": `(module
    (memory (export "a") 1) (memory (export "b") 1)
    (func $one (param i32) (result i32) (memory.grow 0 (local.get 0)))
    (func $other (param i32) (result i32) (memory.grow 1 (local.get 0)))
    (func (export "_start") ${GROW_BOTH}))`,
  "two modules with a memory each": `(component
    (core module $first ${GROWING_PART})
    (core module $second ${GROWING_PART})
    (core instance $one (instantiate $first))
    (core instance $other (instantiate $second))
    ${RUN_BOTH})`,
  "one module instantiated twice": `(component
    (core module $part ${GROWING_PART})
    (core instance $one (instantiate $part))
    (core instance $other (instantiate $part))
    ${RUN_BOTH})`,
} as const;

/** An http handler that never returns, in a module whose code is not rewritten: it has two memories. */
export const ENDLESS_WITHOUT_CHECKS = `(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (core module $main
    (memory 1) (memory 1)
    (func (export "handle") (param i32 i32) (loop $again (br $again))))
  (core instance $main (instantiate $main))
  (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
    (canon lift (core func $main "handle")))
  (instance $exported (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $exported)))`;

/** Answers, and returns without finishing the body. Of wasi:http it imports what it uses. */
export const UNFINISHED_RESPONSE = `(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "fields" (type $fields (sub resource)))
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type $outparam (sub resource)))
    (export "outgoing-response" (type $response (sub resource)))
    (export "outgoing-body" (type $body (sub resource)))
    ${EXPORT_ERROR_CODE}
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[constructor]outgoing-response" (func (param "headers" (own $fields)) (result (own $response))))
    (export "[method]outgoing-response.body"
      (func (param "self" (borrow $response)) (result (result (own $body)))))
    (export "[static]response-outparam.set"
      (func (param "param" (own $outparam)) (param "response" (result (own $response) (error $error-code)))))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $fields (canon lower (func $types "[constructor]fields")))
  (core func $response (canon lower (func $types "[constructor]outgoing-response")))
  (core func $body
    (canon lower (func $types "[method]outgoing-response.body") (memory (core memory $libc "memory"))))
  (core func $set
    (canon lower (func $types "[static]response-outparam.set") (memory (core memory $libc "memory"))))
  (core module $main
    (import "host" "fields" (func $fields (result i32)))
    (import "host" "response" (func $response (param i32) (result i32)))
    (import "host" "body" (func $body (param i32 i32)))
    (import "host" "set" (func $set ${SET_PARAMS}))
    (func (export "handle") (param $request i32) (param $outparam i32) (local $answer i32)
      (local.set $answer (call $response (call $fields)))
      (call $body (local.get $answer) (i32.const 16))
      (call $set (local.get $outparam) (i32.const 0) (local.get $answer) ${NO_ERROR})))
  (core instance $main (instantiate $main (with "host" (instance
    (export "fields" (func $fields)) (export "response" (func $response))
    (export "body" (func $body)) (export "set" (func $set))))))
  (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
    (canon lift (core func $main "handle")))
  (instance $exported (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $exported)))`;

/** Components that poll an empty list, which traps: as a command and as an http handler. */
export const EMPTY_POLL = {
  command: `(component
    ${IMPORT_POLL}
    (core module $main
      (import "host" "poll" (func $poll (param i32 i32 i32)))
      (func (export "run") (result i32)
        (call $poll (i32.const 0) (i32.const 0) (i32.const 16))
        (i32.const 0)))
    (core instance $main (instantiate $main (with "host" (instance (export "poll" (func $poll))))))
    (func $run (result (result)) (canon lift (core func $main "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exported)))`,
  http: `(component
    (import "wasi:http/types@0.2.0" (instance $types
      (export "incoming-request" (type (sub resource)))
      (export "response-outparam" (type (sub resource)))))
    (alias export $types "incoming-request" (type $request))
    (alias export $types "response-outparam" (type $outparam))
    ${IMPORT_POLL}
    (core module $main
      (import "host" "poll" (func $poll (param i32 i32 i32)))
      (func (export "handle") (param i32 i32)
        (call $poll (i32.const 0) (i32.const 0) (i32.const 16))))
    (core instance $main (instantiate $main (with "host" (instance (export "poll" (func $poll))))))
    (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
      (canon lift (core func $main "handle")))
    (instance $exported (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.0" (instance $exported)))`,
} as const;
