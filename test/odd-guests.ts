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
