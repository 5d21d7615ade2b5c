import { RESULT } from "./guest-text.ts";
import type { HostileKind } from "./kinds.ts";

/** Guests that misbehave before any request: in their start functions, initialisers and segments. */

const ANSWERS = "(call $answer (local.get $out))";
const LOOP = "(loop $again (br $again))";

export const START_KINDS: readonly HostileKind[] = [
  {
    name: "start-traps",
    tries: "traps in its start function",
    guest: { definitions: "(func $start unreachable) (start $start)", handle: ANSWERS },
    expected: "502 GUEST_START_TRAPPED",
  },
  {
    name: "start-loops",
    tries: "loops in its start function",
    guest: { definitions: `(func $start ${LOOP}) (start $start)`, handle: ANSWERS },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "start-recurses",
    tries: "overflows the stack in its start function",
    guest: {
      definitions: "(func $start (call $start) (global.set $body (i32.const 1))) (start $start)",
      handle: ANSWERS,
    },
    expected: "502 GUEST_START_TRAPPED",
  },
  {
    name: "start-takes-memory",
    tries: "takes all the memory it gets in its start function",
    guest: {
      definitions: `(func $start (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))) (start $start)`,
      handle: "(call $answer-number (local.get $out) (memory.size))",
    },
    spec: { limits: { memory: "16Mi" } },
    expected: "200 256",
  },
  {
    name: "start-fills",
    tries: "fills 64 MiB for ever in its start function",
    guest: {
      definitions: `(func $start (drop (memory.grow (i32.const 1000)))
        (loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 65000000)) (br $again))) (start $start)`,
      handle: ANSWERS,
    },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "initialize-traps",
    tries: "traps in its initialiser",
    guest: { initialize: "unreachable", handle: ANSWERS },
    expected: "502 GUEST_START_TRAPPED",
  },
  {
    name: "initialize-loops",
    tries: "loops in its initialiser",
    guest: { initialize: LOOP, handle: ANSWERS },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "initialize-asks",
    tries: "asks the host for the time for ever in its initialiser",
    guest: { initialize: "(loop $again (drop (call $monotonic-clock.now)) (br $again))", handle: ANSWERS },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "initialize-waits",
    tries: "waits for an hour in its initialiser",
    guest: {
      initialize: "(call $pollable.block (call $monotonic-clock.subscribe-duration (i64.const 3600000000000)))",
      handle: ANSWERS,
    },
    expected: "502 GUEST_START_TRAPPED",
  },
  {
    name: "initialize-prints",
    tries: "prints for ever in its initialiser",
    guest: {
      initialize: `(local.set $i (call $stdout.get-stdout))
        (loop $again (call $output-stream.write (local.get $i) (i32.const 0) (i32.const 1000) ${RESULT}) (br $again))`,
      handle: ANSWERS,
    },
    expected: /^50/,
  },
  {
    name: "initialize-hoards",
    tries: "makes resources in its initialiser and keeps them all",
    guest: { initialize: "(loop $again (drop (call $fields.new)) (br $again))", handle: ANSWERS },
    expected: "502 GUEST_START_TRAPPED",
  },
  {
    name: "segment-data",
    tries: "has a data segment beyond its memory",
    guest: { definitions: `(data (i32.const 131071) "xx")`, handle: ANSWERS },
    expected: "502 GUEST_START_TRAPPED",
  },
  {
    name: "segment-elements",
    tries: "has an element segment beyond its table",
    guest: { definitions: "(table 1 funcref) (elem (i32.const 1) $f) (func $f)", handle: ANSWERS },
    expected: "502 GUEST_START_TRAPPED",
  },
];
