/*
 * Loops that do little besides looping: what a check at each round costs shows nowhere more. docs/adr/0004 names them.
 */

/** A module in text whose export `run` takes `argument`, and some milliseconds. */
export interface CheckLoop {
  fields: string;
  argument: number;
}

const COUNT_DOWN = "(br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))";

/** By the names that arms have. */
export const CHECK_LOOPS: Readonly<Record<string, CheckLoop>> = {
  empty: {
    argument: 10_000_000,
    fields: `(func (export "run") (param $n i32) (loop $next ${COUNT_DOWN}))`,
  },
  arithmetic: {
    argument: 5_000_000,
    fields: `(func (export "run") (param $n i32) (result i32) (local $x i32)
      (loop $next
        (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
        (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 15))))
        ${COUNT_DOWN})
      (local.get $x))`,
  },
  "byte copy": {
    argument: 500,
    fields: `(memory 1)
      (func (export "run") (param $n i32) (local $at i32)
        (loop $next
          (local.set $at (i32.const 32767))
          (loop $byte
            (i32.store8 offset=32768 (local.get $at) (i32.load8_u (local.get $at)))
            (br_if $byte (local.tee $at (i32.sub (local.get $at) (i32.const 1)))))
          ${COUNT_DOWN}))`,
  },
  "three rounds within a loop": {
    argument: 3_000_000,
    fields: `(func (export "run") (param $n i32) (local $round i32)
      (loop $next
        (local.set $round (i32.const 3))
        (loop $inner (br_if $inner (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
        ${COUNT_DOWN}))`,
  },
  recursion: {
    argument: 29,
    fields: `(func $fibonacci (export "run") (param $n i32) (result i32)
      (if (i32.lt_s (local.get $n) (i32.const 2)) (then (return (local.get $n))))
      (i32.add
        (call $fibonacci (i32.sub (local.get $n) (i32.const 1)))
        (call $fibonacci (i32.sub (local.get $n) (i32.const 2)))))`,
  },
};
