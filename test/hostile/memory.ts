import { RESULT } from "./guest-text.ts";
import { STOPPED, type HostileKind } from "./kinds.ts";

/** Guests that want more than they may have: memory, tables, handles, what the host keeps for them. */

const PAGES_OF_16_MIB = 256;
const LIMITED = { limits: { memory: "16Mi" } };

/** Grows the memory page by page until that is refused, and leaves its pages in `$n`. */
const GROW_ALL = `(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (local.set $n (memory.size))`;

/** A component whose core module is instantiated many times, each with a memory. */
function manyInstances(count: number): string {
  const instances = Array.from({ length: count }, (_, index) => `(core instance $i${index} (instantiate $part))`);
  return `(component
    (core module $part (memory (export "memory") 16) (func (export "handle") (param i32 i32)))
    ${instances.join("\n")}
    (import "wasi:http/types@0.2.0" (instance $types
      (export "incoming-request" (type (sub resource)))
      (export "response-outparam" (type (sub resource)))))
    (alias export $types "incoming-request" (type $request))
    (alias export $types "response-outparam" (type $outparam))
    (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
      (canon lift (core func $i0 "handle")))
    (instance $exported (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.0" (instance $exported)))`;
}

/** Makes resources with `make` until the host refuses or traps. */
function hoard(make: string): string {
  return `(loop $again (drop ${make}) (br $again))`;
}

export const MEMORY_KINDS: readonly HostileKind[] = [
  {
    name: "memory-all",
    tries: "takes all the memory it gets, page by page",
    guest: { handle: `${GROW_ALL} (call $answer-number (local.get $out) (local.get $n))` },
    spec: LIMITED,
    expected: `200 ${PAGES_OF_16_MIB}`,
  },
  {
    name: "memory-all-touched",
    tries: "takes all the memory it gets and writes to all of it",
    guest: {
      handle: `${GROW_ALL}
        (memory.fill (i32.const 65536) (i32.const 255) (i32.sub (i32.shl (local.get $n) (i32.const 16)) (i32.const 65536)))
        (call $answer-number (local.get $out) (local.get $n))`,
    },
    spec: LIMITED,
    expected: `200 ${PAGES_OF_16_MIB}`,
  },
  {
    name: "memory-at-once",
    tries: "asks for 4 GiB at once",
    guest: {
      handle: "(call $answer-number (local.get $out) (i32.add (memory.grow (i32.const 65534)) (i32.const 1)))",
    },
    expected: "200 0",
  },
  {
    name: "memory-minimum",
    tries: "starts with more memory than its limit",
    guest: { memory: "300", handle: "(call $answer (local.get $out))" },
    spec: LIMITED,
    expected: "refused ARTIFACT_MEMORY_LIMIT",
  },
  {
    name: "memory-many",
    tries: "starts 200 instances of its module, each with a memory of 1 MiB",
    guest: { component: manyInstances(200) },
    expected: "refused ARTIFACT_MEMORY_LIMIT",
  },
  {
    name: "memory-beyond",
    tries: "reads past the end of its memory",
    guest: { handle: "(drop (i32.load (i32.const -4)))" },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "memory-pages-touched",
    tries: "dirties one byte of each page of its memory in each of many requests",
    guest: {
      handle: `(drop (memory.grow (i32.const 200)))
        (loop $page (i32.store8 (i32.shl (local.get $i) (i32.const 12)) (i32.const 1))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $page (i32.lt_u (local.get $i) (i32.const 3200))))
        (call $answer (local.get $out))`,
    },
    attack: ({ url }) => import("./client.ts").then(({ askTimes }) => askTimes(url, 100)),
    expected: "100 × 200",
  },
  {
    name: "table-grows",
    tries: "grows a table until it is refused",
    guest: {
      definitions: "(table $t 1 funcref)",
      handle: `(loop $more (br_if $more
          (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1))))
        (call $answer-number (local.get $out) (table.size $t))`,
    },
    expected: "200 90001",
  },
  {
    name: "tables-many",
    tries: "has 50 tables, each as large as V8 allows",
    guest: { definitions: "(table 10000000 funcref)".repeat(50), handle: "(call $answer (local.get $out))" },
    expected: "refused ARTIFACT_MEMORY_LIMIT",
  },
  {
    name: "handles",
    tries: "makes resources and keeps them all",
    guest: { handle: hoard("(call $fields.new)") },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "pollables",
    tries: "makes timers and keeps them all",
    guest: { handle: hoard("(call $monotonic-clock.subscribe-duration (i64.const 3600000000000))") },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "poll-list",
    waits: true,
    tries: "waits for a list of 100,000 times the same timer",
    guest: {
      memory: "10",
      handle: `(local.set $j (call $monotonic-clock.subscribe-duration (i64.const 3600000000000)))
        (loop $fill
          (i32.store (i32.add (i32.const 65536) (i32.shl (local.get $i) (i32.const 2))) (local.get $j))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $fill (i32.lt_u (local.get $i) (i32.const 100000))))
        (call $poll.poll (i32.const 65536) (i32.const 100000) ${RESULT})`,
    },
    ...STOPPED,
  },
  {
    name: "poll-nothing",
    tries: "waits for an empty list",
    guest: { handle: `(call $poll.poll (i32.const 0) (i32.const 0) ${RESULT})` },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "random-huge",
    tries: "asks for 2^63 random bytes",
    guest: { handle: `(call $random.get-random-bytes (i64.const 0x7fffffffffffffff) ${RESULT})` },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "list-beyond",
    tries: "passes the host a list that lies outside its memory",
    guest: {
      handle: `(local.set $stream (call $begin (local.get $out)))
        (call $output-stream.write (local.get $stream) (i32.const 65536) (i32.const -1) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "realloc-beyond",
    tries: "has its allocator return an address outside its memory",
    guest: {
      realloc: "(i32.const -16)",
      handle: `(call $incoming-request.path-with-query (local.get $request) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "realloc-misaligned",
    tries: "has its allocator return an odd address for a list of records",
    guest: {
      realloc: "(i32.const 1025)",
      handle: `(call $environment.get-environment ${RESULT})`,
    },
    spec: { env: [{ name: "A", value: "b" }] },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "text-malformed",
    tries: "passes the host text that is not UTF-8",
    guest: {
      definitions: `(data (i32.const 1024) "\\ff\\fe\\c0\\80")`,
      handle: `(call $fields.append (call $fields.new) (i32.const 1024) (i32.const 4) (i32.const 1024) (i32.const 4) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "handle-forged",
    tries: "uses a handle that it was never given",
    guest: { handle: "(call $fields.drop (i32.const 12345))" },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "handle-of-another-type",
    tries: "passes a timer where a request is expected",
    guest: {
      handle: `(call $incoming-request.method (call $monotonic-clock.subscribe-duration (i64.const 0)) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "handle-dropped-twice",
    tries: "drops the same handle twice",
    guest: {
      handle: "(local.set $i (call $fields.new)) (call $fields.drop (local.get $i)) (call $fields.drop (local.get $i))",
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "fields-large",
    tries: "fills one set of headers with values of 1 KiB until they are refused",
    guest: {
      definitions: `(data (i32.const 1024) "a")`,
      handle: `(local.set $j (call $fields.new))
        (memory.fill (i32.const 2048) (i32.const 97) (i32.const 1024))
        (loop $more
          (call $fields.append (local.get $j) (i32.const 1024) (i32.const 1) (i32.const 2048) (i32.const 1024) ${RESULT})
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.eqz (i32.load8_u ${RESULT}))))
        (call $answer-number (local.get $out) (local.get $i))`,
    },
    expected: /^(200 \d{2,3}|502 GUEST_TRAPPED)$/,
  },
  {
    name: "fields-many",
    tries: "copies a full set of headers 60,000 times and keeps all copies",
    guest: {
      definitions: `(data (i32.const 1024) "a")`,
      handle: `(local.set $j (call $fields.new))
        (memory.fill (i32.const 2048) (i32.const 97) (i32.const 60000))
        (call $fields.append (local.get $j) (i32.const 1024) (i32.const 1) (i32.const 2048) (i32.const 60000) ${RESULT})
        (loop $more (drop (call $fields.clone (local.get $j)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 60000))))
        (call $answer-number (local.get $out) (local.get $i))`,
    },
    expected: /^(200 60000|50. GUEST_T.*)$/,
  },
];
