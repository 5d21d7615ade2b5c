import { STOPPED, type HostileKind } from "./kinds.ts";

/** Guests that call deeper than a stack goes: V8 throws a RangeError there, in the guest or in the host that it called. */

const OVERFLOWS = { expected: "502 GUEST_TRAPPED" } as const;

/** A function with this many locals, all of them alive over its call of itself. */
function largeFrame(locals: number): string {
  const names = Array.from({ length: locals }, (_, index) => `$l${index}`);
  return `(func $deep (param $n i64) (result i64) ${names.map((name) => `(local ${name} i64)`).join(" ")}
    ${names.map((name, index) => `(local.set ${name} (i64.add (local.get $n) (i64.const ${index})))`).join("\n")}
    (drop (call $deep (i64.add (local.get $n) (i64.const 1))))
    (local.get $n) ${names.map((name) => `(local.get ${name}) (i64.add)`).join(" ")})`;
}

export const RECURSION_KINDS: readonly HostileKind[] = [
  {
    name: "recursion-plain",
    tries: "calls itself without end",
    guest: {
      definitions: "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))",
      handle: "(drop (call $deep (i32.const 0)))",
    },
    ...OVERFLOWS,
  },
  {
    name: "recursion-large-frames",
    tries: "calls itself without end, with 500 locals in each frame",
    guest: { definitions: largeFrame(500), handle: "(drop (call $deep (i64.const 0)))" },
    ...OVERFLOWS,
  },
  {
    name: "recursion-indirect",
    tries: "calls itself through a table without end",
    guest: {
      types: "(type $one (func (param i32) (result i32)))",
      definitions: `(table 1 funcref) (elem (i32.const 0) $deep)
        (func $deep (type $one) (i32.add (i32.const 1) (call_indirect (type $one) (local.get 0) (i32.const 0))))`,
      handle: "(drop (call $deep (i32.const 0)))",
    },
    ...OVERFLOWS,
  },
  {
    name: "recursion-caught",
    tries: "catches whatever ends its recursion, and begins again",
    guest: {
      definitions: "(func $deep (call $deep) (global.set $body (i32.const 1)))",
      handle: "(loop $again (block $caught (try_table (catch_all $caught) (call $deep))) (br $again))",
    },
    expected: /^(502 GUEST_TRAPPED|504 GUEST_TIMEOUT)$/,
  },
  {
    name: "recursion-to-the-host",
    tries: "calls the host at every depth of its stack",
    guest: {
      definitions: "(func $deep (drop (call $monotonic-clock.now)) (call $deep) (global.set $body (i32.const 1)))",
      handle: "(call $deep)",
    },
    ...OVERFLOWS,
  },
  {
    name: "recursion-waits",
    tries: "waits in the host at every depth of its stack",
    guest: {
      definitions: `(func $deep (param $pollable i32)
        (call $pollable.block (local.get $pollable)) (call $deep (local.get $pollable)) (global.set $body (i32.const 1)))`,
      handle: "(call $deep (call $monotonic-clock.subscribe-duration (i64.const 0)))",
    },
    expected: /^(502 GUEST_TRAPPED|504 GUEST_TIMEOUT)$/,
  },
  {
    name: "recursion-in-realloc",
    tries: "calls the host from its allocator, which the host has called",
    guest: {
      realloc: `(global.set $body (i32.add (global.get $body) (i32.const 1)))
        (call $environment.get-environment (i32.const 64)) (i32.const 1024)`,
      handle:
        "(call $environment.get-environment (i32.const 64)) (call $answer-number (local.get $out) (global.get $body))",
    },
    spec: { env: [{ name: "A", value: "b" }] },
    ...OVERFLOWS,
  },
  {
    name: "recursion-exponential",
    tries: "recurses in two branches to a depth that the stack holds",
    guest: {
      definitions: `(func $both (param i32)
        (if (local.get 0) (then
          (call $both (i32.sub (local.get 0) (i32.const 1))) (call $both (i32.sub (local.get 0) (i32.const 1))))))`,
      handle: "(call $both (i32.const 64))",
    },
    ...STOPPED,
  },
];
