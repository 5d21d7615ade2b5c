import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { Worker } from "node:worker_threads";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { decidePauses, GO_ON, TRAP } from "../../engine/pause.ts";
import { instantiate, makeEpoch, rewritten } from "./observed-run.ts";

/** Sets the word again and again, at no moment that the guest could know. */
const SETTER = `
  const { workerData } = require("node:worker_threads");
  const words = new Int32Array(workerData.buffer);
  while (Atomics.wait(words, 1, 0, 0.02) === "timed-out") Atomics.store(words, 0, 1);
`;

const ROUNDS = 3_000_000;

/** Functions "f" of the rounds to make: each does something in every round that would show if one were made twice. */
const LOOPS = [
  {
    does: "a loop in itself",
    fields: `(func (export "f") (param $n i32) (result i32) (local $sum i32)
      (loop $l
        (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (local.get $n)))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $sum))`,
  },
  {
    does: "a loop with a result, left by branches of three kinds",
    fields: `(func (export "f") (param $n i32) (result i32) (local $sum i32)
      (block $out (result i32)
        (block $table
          (br $out (i32.add (i32.const 7) (loop $l (result i32)
            (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (local.get $n)))
            (block $inner (br_table $inner $inner $table (i32.and (local.get $n) (i32.const 1))))
            (drop (br_if $out (local.get $sum) (i32.eq (local.get $n) (i32.const 1))))
            (br_if $table (i32.gt_u (local.get $n) (i32.const 0x7fffffff)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $l)))))
        (i32.const -1)))`,
  },
  {
    does: "loops within a loop, with stores",
    fields: `(memory 1) (func (export "f") (param $n i32) (result i32) (local $at i32)
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 5000))
      (local.set $n (i32.div_u (local.get $n) (i32.const 1000)))
      (loop $l
        (local.set $at (i32.const 4000))
        (loop $store
          (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (local.get $n)))
          (br_if $store (local.tee $at (i32.sub (local.get $at) (i32.const 4)))))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (i32.add (i32.load (i32.const 2000)) (i32.load (i32.const 4000))))`,
  },
  {
    does: "a loop with a parameter",
    fields: `(func (export "f") (param $n i32) (result i32)
      (i32.const 5)
      (loop $l (param i32) (result i32)
        (i32.add (i32.mul (i32.const 31)) (local.get $n))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))`,
  },
];

afterEach(() => decidePauses());

test.each(LOOPS)("leaf loops: $does makes each round once, however often it is interrupted", async ({ fields }) => {
  const bytes = await parse(`(module ${fields})`);
  const { exports: original } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const expected = (original["f"] as (rounds: number) => number)(ROUNDS);

  const epoch = makeEpoch();
  const words = new Int32Array(epoch.buffer);
  const interruptions: true[] = [];
  decidePauses({
    decide: () => {
      Atomics.store(words, 0, 0);
      interruptions.push(true);
      return GO_ON;
    },
    pause: () => Promise.resolve(TRAP),
  });
  const setter = new Worker(SETTER, { eval: true, workerData: epoch });
  onTestFinished(async () => {
    Atomics.store(words, 1, 1);
    await setter.terminate();
  });
  const module = rewritten(bytes, { maxMemoryPages: 1, pauses: true, tracksWrites: true });
  const run = instantiate(module, { epoch }).exports["f"] as (rounds: number) => number;
  while (interruptions.length < 20) expect(run(ROUNDS)).toBe(expected);
});

test("leaf loops: what the engine does not let go on traps", async () => {
  const epoch = makeEpoch(1);
  const module = rewritten(await parse(`(module ${LOOPS[0]!.fields})`), { maxMemoryPages: 1, pauses: true });
  const run = instantiate(module, { epoch }).exports["f"] as (rounds: number) => number;
  expect(() => run(1)).toThrow("unreachable");
});

test("leaf loops: a check before the engine gave the module its function traps", async () => {
  const module = rewritten(await parse("(module (func $f (loop (br 0))) (start $f))"), {
    maxMemoryPages: 1,
    pauses: true,
  });
  expect(() => instantiate(module, { epoch: makeEpoch(1) })).toThrow(WebAssembly.RuntimeError);
});
