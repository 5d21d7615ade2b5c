import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryCalls, arbitraryModule, type Calls } from "../prepare/rewrite/generated-module.ts";
import { instantiate, observe, rewritten } from "../prepare/rewrite/observed-run.ts";
import type { RewriteOptions, Rewritten } from "../prepare/rewrite/rewrite.ts";
import { InstanceState } from "./instance-state.ts";
import { WrittenPages } from "./write-marks.ts";

const OPTIONS = { maxMemoryPages: 4 };

const STATEFUL = `(module
  (memory (export "memory") 2) (data (i32.const 100) "first") (data (i32.const 70000) "second")
  (global $count (mut i64) (i64.const 5)) (table (export "table") 3 funcref) (elem (i32.const 1) func $bump)
  (func $bump (export "bump") (result i64)
    (global.set $count (i64.add (global.get $count) (i64.const 1))) (global.get $count))
  (func (export "scribble") (param i32) (i32.store (local.get 0) (i32.const -1)))
  (func (export "clear") (table.set (i32.const 1) (ref.null func)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "growTable") (result i32) (table.grow (ref.null func) (i32.const 1)))
  (func (export "size") (result i32) (memory.size))
  (func (export "start") (memory.fill (i32.const 200) (i32.const 7) (i32.const 10))))`;

async function makeStateful(growth: RewriteOptions["growth"] & string = "physical") {
  const module = rewritten(await parse(STATEFUL), { ...OPTIONS, growth });
  const { exports, memory } = instantiate(module);
  const call = (name: string, ...values: number[]): unknown =>
    (exports[name] as (...values: unknown[]) => unknown)(...values);
  call("start");
  const state = InstanceState.capture(exports, memory, module, { sizeIsLogical: growth === "logical" })!;
  return { call, state, memory: memory!, table: exports["table"] as WebAssembly.Table };
}

const textAt = (memory: WebAssembly.Memory, offset: number, length: number): string =>
  Buffer.from(memory.buffer, offset, length).toString();

test("restore: memory, globals and tables are as they were", async () => {
  const { call, state, memory, table } = await makeStateful();
  const first = table.get(1);
  for (const address of [0, 100, 202, 50_000, 70_002, 131_068]) call("scribble", address);
  expect([call("bump"), call("bump")]).toEqual([6n, 7n]);
  call("clear");
  expect(state.restore()).toBe(true);
  expect([textAt(memory, 100, 5), textAt(memory, 70_000, 6)]).toEqual(["first", "second"]);
  expect([...new Uint8Array(memory.buffer, 200, 11)]).toEqual([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0]);
  expect(new Uint8Array(memory.buffer).filter((byte) => byte === 0xff)).toHaveLength(0);
  expect(call("bump")).toBe(6n);
  expect(table.get(1)).toBe(first);
});

test("restore: an instance whose memory grew is to be dropped, and is left as it is", async () => {
  const { call, state, memory } = await makeStateful();
  call("scribble", 100);
  call("grow", 1);
  expect(state.restore()).toBe(false);
  expect(new Int32Array(memory.buffer)[25]).toBe(-1);
});

test("restore: an instance whose table grew is to be dropped", async () => {
  const { call, state } = await makeStateful();
  call("growTable");
  expect(state.restore()).toBe(false);
});

test("contract: with logical growth nothing of a larger memory is left to the next request", async () => {
  const { call, state, memory } = await makeStateful("logical");
  expect([call("grow", 2), call("size")]).toEqual([2, 4]);
  for (const address of [100, 131_072, 200_000, 262_140]) call("scribble", address);
  expect(state.restore()).toBe(true);
  expect(call("size")).toBe(2);
  expect(memory.buffer.byteLength).toBe(4 * 65_536);
  expect(new Uint8Array(memory.buffer).filter((byte) => byte === 0xff)).toHaveLength(0);
  expect([call("grow", 1), call("grow", 2), call("grow", 1)]).toEqual([2, -1, 3]);
});

test("capture: tables that would take long to restore are refused", async () => {
  const module = rewritten(await parse('(module (table (export "t") 5000 funcref))'));
  expect(InstanceState.capture(instantiate(module).exports, undefined, module)).toBeUndefined();
});

test("restore: after any run a generated program does what a fresh one does, or is to be dropped", () => {
  let restored = 0;
  let dropped = 0;
  fc.assert(
    fc.property(arbitraryModule(), arbitraryCalls(), arbitraryCalls(), (bytes, before, calls) => {
      const module = rewritten(bytes, OPTIONS);
      if (!module.resettable) return;
      const make = () => {
        const log: number[] = [];
        return { log, ...instantiate(module, { imports: { env: { log: (value: number) => log.push(value) } } }) };
      };
      const fresh = make();
      const used = make();
      const state = InstanceState.capture(used.exports, used.memory, module)!;
      observe(used.exports, before, used.log);
      if (!state.restore()) {
        dropped++;
        return;
      }
      restored++;
      used.log.length = 0;
      expect(observe(used.exports, calls, used.log)).toEqual(observe(fresh.exports, calls, fresh.log));
    }),
    { numRuns: 600 },
  );
  expect(restored).toBeGreaterThan(100);
  expect(dropped).toBeGreaterThan(10);
});

const TRACKED = { maxMemoryPages: 4, growth: "logical", tracksWrites: true } as const;

/** A tracked instance of a generated module that can be reset, and its memory as it is at first. */
function makeTracked(module: Rewritten) {
  const pages = new WrittenPages();
  const log: number[] = [];
  const imports = { env: { log: (value: number) => log.push(value) } };
  const made = instantiate(module, { imports, pages: module.memory!.minPages + 1 });
  pages.watch(made.memory!);
  const state = InstanceState.capture(made.exports, made.memory, module, { sizeIsLogical: true })!;
  const first = Buffer.from(made.memory!.buffer.slice(0));
  const run = (calls: Calls): void => {
    pages.take();
    observe(made.exports, calls, log);
  };
  return { ...made, pages, state, first, run };
}

test("contract: after any runs of generated programs, in turns, what was not marked as written is as it was at first", () => {
  let restored = 0;
  fc.assert(
    fc.property(arbitraryModule(), fc.array(arbitraryCalls(), { minLength: 1, maxLength: 4 }), (bytes, turns) => {
      const module = rewritten(bytes, TRACKED);
      if (!module.resettable) return;
      const instances = [makeTracked(module), makeTracked(module)];
      for (const [turn, calls] of turns.entries()) instances[turn % 2]!.run(calls);
      for (const { memory, state, pages, first } of instances) {
        if (!state.restore(pages)) continue;
        pages.clear();
        const now = Buffer.from(memory!.buffer);
        expect(now.subarray(0, first.length).equals(first)).toBe(true);
        expect(now.subarray(first.length).every((byte) => byte === 0)).toBe(true);
        restored++;
      }
    }),
    { numRuns: 1500 },
  );
  expect(restored).toBeGreaterThan(1000);
});
