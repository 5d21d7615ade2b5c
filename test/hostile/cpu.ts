import { RESULT } from "./guest-text.ts";
import { STOPPED, type HostileKind } from "./kinds.ts";

/*
 * Guests that never give the thread back: nothing but the epoch checks in their own code, or in what stands in for their bulk
 * operations, ends them at their deadline.
 */

const TWO_PAGES_ON = "(memory.grow (i32.const 1000))";

/** Functions of a level call the one below it twice: 2^60 calls without a loop. */
function callTree(depth: number): string {
  const levels = Array.from({ length: depth }, (_, level) => {
    const below = level === 0 ? "nop" : `(call $level${level - 1}) (call $level${level - 1})`;
    return `(func $level${level} ${below})`;
  });
  return levels.join("\n");
}

/** Nested loops, each of which runs 2^32 times. */
function nestedLoops(depth: number): string {
  const inner = depth === 0 ? "" : nestedLoops(depth - 1);
  return `(loop ${inner} (br_if 0 (local.tee $n (i32.add (local.get $n) (i32.const 1)))))`;
}

export const CPU_KINDS: readonly HostileKind[] = [
  {
    name: "loop-empty",
    tries: "loops without doing anything",
    guest: { handle: "(loop $again (br $again))" },
    ...STOPPED,
  },
  {
    name: "loop-nested",
    tries: "nests 32 loops of 2^32 rounds",
    guest: { handle: nestedLoops(32) },
    ...STOPPED,
  },
  {
    name: "loop-br-table",
    tries: "loops through a jump table, to labels in turn",
    guest: {
      handle: `(loop $a (loop $b (loop $c
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_table $a $b $c (i32.and (local.get $i) (i32.const 3))))))`,
    },
    ...STOPPED,
  },
  {
    name: "loop-division",
    tries: "loops through the slowest integer instructions",
    guest: {
      handle: `(local.set $wide (i64.const -1))
        (loop $again (local.set $wide (i64.sub (i64.div_u (local.get $wide) (i64.const 3)) (i64.const 1))) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "loop-simd",
    tries: "loops through vector arithmetic",
    guest: {
      definitions: "(global $v (mut v128) (v128.const i64x2 1 2))",
      handle: "(loop $again (global.set $v (i64x2.mul (global.get $v) (global.get $v))) (br $again))",
    },
    ...STOPPED,
  },
  {
    name: "loop-stores",
    tries: "writes all of its memory, again and again",
    guest: {
      handle: `(loop $again
        (i64.store (i32.and (local.get $i) (i32.const 0x1fff8)) (i64.const -1))
        (local.set $i (i32.add (local.get $i) (i32.const 8))) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "call-tree",
    tries: "makes 2^60 calls of small functions without a loop",
    guest: { definitions: callTree(60), handle: "(call $level59)" },
    ...STOPPED,
  },
  {
    name: "call-indirect",
    tries: "loops through calls out of a table",
    guest: {
      types: "(type $plain (func))",
      definitions: "(table 2 funcref) (elem (i32.const 0) $one $one) (func $one)",
      handle: "(loop $again (call_indirect (type $plain) (i32.const 1)) (br $again))",
    },
    ...STOPPED,
  },
  {
    name: "tail-self",
    tries: "tail-calls itself for ever",
    guest: { definitions: "(func $again (return_call $again))", handle: "(call $again)" },
    ...STOPPED,
  },
  {
    name: "tail-mutual",
    tries: "has two functions tail-call each other for ever",
    guest: {
      definitions: `(func $ping (param i32) (return_call $pong (local.get 0)))
        (func $pong (param i32) (return_call $ping (i32.add (local.get 0) (i32.const 1))))`,
      handle: "(call $ping (i32.const 0))",
    },
    ...STOPPED,
  },
  {
    name: "tail-indirect",
    tries: "tail-calls through a table for ever",
    guest: {
      types: "(type $plain (func))",
      definitions: `(table 1 funcref) (elem (i32.const 0) $again)
        (func $again (return_call_indirect (type $plain) (i32.const 0)))`,
      handle: "(call $again)",
    },
    ...STOPPED,
  },
  {
    name: "tail-reference",
    tries: "tail-calls through a typed function reference for ever",
    guest: {
      types: "(type $plain (func))",
      definitions: `(elem declare func $again) (func $again (return_call_ref $plain (ref.func $again)))`,
      handle: "(call $again)",
    },
    ...STOPPED,
  },
  {
    name: "bulk-fill",
    tries: "fills 64 MiB of memory, again and again",
    guest: {
      handle: `(drop ${TWO_PAGES_ON})
        (loop $again (memory.fill (i32.const 0) (i32.const 7) (i32.const 65000000)) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "bulk-copy",
    tries: "moves 64 MiB of memory over itself, backward",
    guest: {
      handle: `(drop ${TWO_PAGES_ON})
        (loop $again (memory.copy (i32.const 1) (i32.const 0) (i32.const 65000000)) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "bulk-init",
    tries: "copies a data segment, again and again",
    guest: {
      definitions: `(data $segment "${"x".repeat(60_000)}")`,
      handle: `(local.set $n (i32.const 60000))
        (loop $again (memory.init $segment (i32.const 0) (i32.const 0) (local.get $n)) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "bulk-fill-straight",
    tries: "fills memory ten thousand times in straight code",
    guest: {
      handle: `(drop ${TWO_PAGES_ON}) (local.set $n (i32.const 65000000))
        ${"(memory.fill (i32.const 0) (i32.const 7) (local.get $n))".repeat(10_000)}`,
    },
    ...STOPPED,
  },
  {
    name: "bulk-table-fill",
    tries: "fills a table of 90,000 elements, again and again",
    guest: {
      definitions: "(table $t 90000 funcref)",
      handle: `(local.set $n (i32.const 90000))
        (loop $again (table.fill $t (i32.const 0) (ref.null func) (local.get $n)) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "bulk-table-copy",
    tries: "moves a table of 90,000 elements over itself",
    guest: {
      definitions: "(table $t 90000 funcref)",
      handle: `(local.set $n (i32.const 89999))
        (loop $again (table.copy $t $t (i32.const 1) (i32.const 0) (local.get $n)) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "bulk-table-init",
    tries: "copies an element segment, again and again",
    guest: {
      definitions: `(table $t 20000 funcref) (elem $e func ${"$f ".repeat(20_000)}) (func $f)`,
      handle: `(local.set $n (i32.const 20000))
        (loop $again (table.init $t $e (i32.const 0) (i32.const 0) (local.get $n)) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "grow-by-nothing",
    tries: "grows its memory by no page for ever",
    guest: { handle: "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 0)) (i32.const -1))))" },
    ...STOPPED,
  },
  {
    name: "grow-refused",
    tries: "asks for more memory than it may have for ever",
    guest: { handle: "(loop $again (br_if $again (i32.eq (memory.grow (i32.const 60000)) (i32.const -1))))" },
    ...STOPPED,
  },
  {
    name: "throw-and-catch",
    tries: "throws and catches its own exceptions for ever",
    guest: {
      definitions: "(tag $oops)",
      handle: "(loop $again (block $caught (try_table (catch_all $caught) (throw $oops))) (br $again))",
    },
    ...STOPPED,
  },
  {
    name: "catches-its-end",
    tries: "loops within a handler that catches everything, to outlive its end",
    guest: {
      definitions: "(func $spin (loop $again (br $again)))",
      handle: "(loop $again (block $caught (try_table (catch_all $caught) (call $spin))) (br $again))",
    },
    ...STOPPED,
  },
  {
    name: "host-clock",
    tries: "asks the host for the time for ever",
    guest: { handle: "(loop $again (drop (call $monotonic-clock.now)) (br $again))" },
    ...STOPPED,
  },
  {
    name: "host-random",
    tries: "asks for 64 KiB of random bytes for ever",
    guest: {
      handle: `(loop $again (global.set $heap (i32.const 65536))
        (call $random.get-random-bytes (i64.const 65536) ${RESULT}) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "host-ready",
    tries: "asks whether a far moment has come, instead of waiting for it",
    guest: {
      handle: `(local.set $i (call $monotonic-clock.subscribe-duration (i64.const 3600000000000)))
        (loop $again (br_if $again (i32.eqz (call $pollable.ready (local.get $i)))))`,
    },
    ...STOPPED,
  },
  {
    name: "host-block-at-once",
    waits: true,
    tries: "waits for a moment that has passed for ever",
    guest: {
      handle: `(local.set $i (call $monotonic-clock.subscribe-duration (i64.const 0)))
        (loop $again (call $pollable.block (local.get $i)) (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "host-churn",
    tries: "makes and drops resources for ever",
    guest: { handle: "(loop $again (call $fields.drop (call $fields.new)) (br $again))" },
    ...STOPPED,
  },
  {
    name: "host-environment",
    tries: "has the host lower its environment for ever",
    guest: {
      handle: `(loop $again (global.set $heap (i32.const 65536))
        (call $environment.get-environment ${RESULT}) (br $again))`,
    },
    spec: { env: [{ name: "LONG", value: "x".repeat(30_000) }] },
    ...STOPPED,
  },
  {
    name: "realloc-loops",
    tries: "never returns from its allocator, which the host calls",
    guest: {
      realloc: "(loop $again (br $again)) (i32.const 0)",
      handle: `(call $incoming-request.path-with-query (local.get $request) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "loop-on-jco",
    tries: "loops in a WASI 0.3 component, which the general engine runs",
    guest: { file: "probe-p3" },
    attack: ({ url }) => import("./client.ts").then(({ ask }) => ask(`${url}/loop`)),
    ...STOPPED,
  },
];
