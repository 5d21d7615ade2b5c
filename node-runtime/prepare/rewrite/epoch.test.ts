import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { instantiate, makeEpoch, OWN_EPOCH_WORD, rewritten } from "./observed-run.ts";

/** Waits until the guest says that it runs (word 1), then stops it (its word). */
const WATCHDOG = `
  const { workerData } = require("node:worker_threads");
  const words = new Int32Array(workerData.epoch.buffer);
  words[2] = 1;
  Atomics.notify(words, 2);
  Atomics.wait(words, 1, 0);
  Atomics.store(words, workerData.word, 1);
`;

/** Calls before the endless one, so that V8 has optimised the function and would have moved what it may move. */
const WARM_UP_CALLS = 20_000;

/** Functions "f": endless when called with 0, short when called with 1. The import says that the endless run began. */
const RUNAWAYS = [
  { does: "a tight loop", fields: '(func (export "f") (param i32) (loop $l (br_if $l (i32.eqz (local.get 0)))))' },
  {
    does: "a loop that counts",
    fields: `(func (export "f") (param i32) (local $i i32)
      (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.ne (local.get $i) (local.get 0)))
        (br_if $l (i32.eqz (local.get 0)))))`,
  },
  {
    does: "nested loops",
    fields: `(func (export "f") (param i32) (local $i i32)
      (loop $outer (local.set $i (i32.const 4))
        (loop $inner (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
        (br_if $outer (i32.eqz (local.get 0)))))`,
  },
  {
    does: "a loop that stores",
    fields: `(memory 1) (func (export "f") (param i32) (local $i i32)
      (loop $l (i32.store (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 0xfffc)) (local.get $i))
        (br_if $l (i32.eqz (local.get 0)))))`,
  },
  {
    does: "a loop of memory.fill",
    fields: `(memory 160) (func (export "f") (param i32)
      (loop $l (memory.fill (i32.const 0) (i32.const 1) (select (i32.const 10) (i32.const 10000000) (local.get 0)))
        (br_if $l (i32.eqz (local.get 0)))))`,
  },
  {
    does: "a loop of table.fill",
    fields: `(table 100000 funcref) (func (export "f") (param i32)
      (loop $l (table.fill (i32.const 0) (ref.null func) (select (i32.const 10) (i32.const 100000) (local.get 0)))
        (br_if $l (i32.eqz (local.get 0)))))`,
  },
  {
    does: "a loop of memory.grow",
    fields: `(memory 1 1) (func (export "f") (param i32)
      (loop $l (drop (memory.grow (i32.const 1))) (br_if $l (i32.eqz (local.get 0)))))`,
  },
  {
    does: "a br_table to its own loop",
    fields: `(func (export "f") (param i32) (block $out (loop $l (br_table $l $out (local.get 0)))))`,
  },
  {
    does: "exponential recursion",
    fields: `(func $fib (param i32) (result i32) (if (i32.lt_s (local.get 0) (i32.const 2)) (then (return (i32.const 1))))
        (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))
      (func (export "f") (param i32) (drop (call $fib (select (i32.const 5) (i32.const 200) (local.get 0)))))`,
  },
  {
    does: "exponential recursion through a table",
    fields: `(type $f (func (param i32) (result i32))) (table funcref (elem $fib))
      (func $fib (type $f) (if (i32.lt_s (local.get 0) (i32.const 2)) (then (return (i32.const 1))))
        (i32.add (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
          (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 2)) (i32.const 0))))
      (func (export "f") (param i32) (drop (call $fib (select (i32.const 5) (i32.const 200) (local.get 0)))))`,
  },
  {
    does: "a tail call to itself",
    fields: '(func $f (export "f") (param i32) (if (i32.eqz (local.get 0)) (then (return_call $f (local.get 0)))))',
  },
  {
    does: "tail calls in a circle",
    fields: `(type $f (func (param i32))) (table funcref (elem $b)) (elem declare func $a)
      (func $a (export "f") (type $f) (if (i32.eqz (local.get 0)) (then (return_call_indirect (type $f) (local.get 0) (i32.const 0)))))
      (func $b (type $f) (return_call_ref $f (local.get 0) (ref.func $a)))`,
  },
  {
    does: "a loop that catches everything",
    fields: `(tag $t) (func $throw (throw $t)) (func (export "f") (param i32)
      (loop $l (block $caught (try_table (catch_all $caught) (call $throw))) (br_if $l (i32.eqz (local.get 0)))))`,
  },
  {
    does: "calls of the host without a loop",
    fields: `(type $f (func (param i32))) (import "env" "again" (func $again (type $f)))
      (func (export "f") (param i32) (call $again (local.get 0)))`,
  },
];

const WORDS = [
  { epochWord: "first", word: 0 },
  { epochWord: "own", word: OWN_EPOCH_WORD / 4 },
] as const;

describe.each(WORDS)("epoch, $epochWord word", ({ epochWord, word }) => {
  test.each(RUNAWAYS)("$does is stopped from another thread, and runs again afterwards", async ({ fields }) => {
    const epoch = makeEpoch();
    const words = new Int32Array(epoch.buffer);
    const module = rewritten(await parse(`(module ${fields})`), { maxMemoryPages: 1000, epochWord });
    const again = (value: number): void => {
      const calls = value === 0 ? Infinity : 0;
      for (let count = 0; count < calls; count++) call(1);
    };
    const { exports } = instantiate(module, { epoch, imports: { env: { again } } });
    const call = exports["f"] as (value: number) => void;
    for (let count = 0; count < WARM_UP_CALLS; count++) call(1);

    const watchdog = new Worker(WATCHDOG, { eval: true, workerData: { epoch, word } });
    onTestFinished(async () => void (await watchdog.terminate()));
    await Atomics.waitAsync(words, 2, 0).value;
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
    expect(() => call(0)).toThrow(expect.objectContaining({ message: "unreachable" }));

    Atomics.store(words, word, 0);
    expect(() => call(1)).not.toThrow();
  });
});
