import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import { expect, test } from "vitest";
import { clampMemories } from "../../engine/module-sections.ts";
import { arbitraryCalls, arbitraryModule, type Calls } from "./generated-module.ts";
import { decidePauses, GO_ON, TRAP } from "../../engine/pause.ts";
import { instantiate, makeEpoch, observe, OWN_EPOCH_WORD, rewritten, type Observation } from "./observed-run.ts";
import { rewriteModule, type RewriteOptions } from "./rewrite.ts";

const MAX_PAGES = 4;

function runOriginal(bytes: Uint8Array, calls: Calls): Observation {
  const log: number[] = [];
  const env = { log: (value: number) => log.push(value) };
  const module = new WebAssembly.Module(clampMemories(bytes, MAX_PAGES));
  return observe(new WebAssembly.Instance(module, { env }).exports, calls, log);
}

function runRewritten(bytes: Uint8Array, calls: Calls, options: Omit<RewriteOptions, "maxMemoryPages">): Observation {
  const log: number[] = [];
  const env = { log: (value: number) => log.push(value) };
  const module = rewritten(bytes, { maxMemoryPages: MAX_PAGES, ...options });
  return observe(instantiate(module, { imports: { env } }).exports, calls, log);
}

/** As `runRewritten`, with the word set when a call begins and whenever the guest calls out; the next check clears it. */
function runInterrupted(bytes: Uint8Array, calls: Calls): { seen: Observation; checks: number } {
  const log: number[] = [];
  const epoch = makeEpoch(1);
  const word = new Int32Array(epoch.buffer, 0, 1);
  const env = { log: (value: number) => void (log.push(value), (word[0] = 1)) };
  let checks = 0;
  decidePauses({
    decide: () => {
      word[0] = 0;
      checks++;
      return GO_ON;
    },
    pause: () => Promise.resolve(TRAP),
  });
  const module = rewritten(bytes, { maxMemoryPages: MAX_PAGES, growth: "logical", pauses: true, tracksWrites: true });
  const { exports } = instantiate(module, { imports: { env }, epoch });
  const seen = observe(exports, calls, log, () => (word[0] = 1));
  decidePauses();
  return { seen, checks };
}

test.each([
  { growth: "physical" },
  { growth: "logical" },
  { epochWord: "own", exportsState: false },
  { growth: "logical", tracksWrites: true, pieceLengths: { bytes: 100, elements: 2 } },
  { growth: "logical", tracksWrites: true },
  { growth: "logical", pieceLengths: { bytes: 100, elements: 2 } },
  { growth: "logical", pauses: true },
  { growth: "logical", pauses: true, tracksWrites: true, pieceLengths: { bytes: 100, elements: 2 } },
] as const)("rewriteModule: a generated program does the same as before: %o", (options) => {
  fc.assert(
    fc.property(arbitraryModule(), arbitraryCalls(), (bytes, calls) => {
      expect(runRewritten(bytes, calls, options)).toEqual(runOriginal(bytes, calls));
    }),
    { numRuns: 1000 },
  );
});

test("rewriteModule: a generated program that is interrupted does the same as before", () => {
  let interruptions = 0;
  fc.assert(
    fc.property(arbitraryModule(), arbitraryCalls(), (bytes, calls) => {
      const { seen, checks } = runInterrupted(bytes, calls);
      expect(seen).toEqual(runOriginal(bytes, calls));
      interruptions += checks;
    }),
    { numRuns: 1000 },
  );
  expect(interruptions).toBeGreaterThan(1000);
});

test("rewriteModule: generated programs are worth the name, most calls run to their end and change something", () => {
  const runs = fc.sample(fc.tuple(arbitraryModule(), arbitraryCalls()), { numRuns: 300, seed: 1 });
  const seen = runs.map(([bytes, calls]) => runOriginal(bytes, calls));
  const outcomes = new Set(seen.flatMap((observation) => observation.filter((entry) => typeof entry === "string")));
  expect(outcomes).toContain("memory access out of bounds");
  expect(outcomes).toContain("table index is out of bounds");
  const lengths = new Set(seen.map((observation) => observation.at(-2)));
  expect(lengths.size).toBe(MAX_PAGES);
});

test("rewriteModule: the memory is imported with the lower of both maxima, stays exported and keeps its data", async () => {
  const bytes = await parse(`(module (memory (export "memory") 2 9) (data (i32.const 8) "kept")
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
  expect(rewritten(bytes, { maxMemoryPages: 100 }).memory).toEqual({ minPages: 2, maxPages: 9 });
  const module = rewritten(bytes, { maxMemoryPages: 4 });
  expect(module).toMatchObject({ memory: { minPages: 2, maxPages: 4 }, usesMemorySize: true, epoch: true });
  const { exports, memory } = instantiate(module);
  const grow = exports["grow"] as (pages: number) => number;
  expect([grow(2), grow(1), grow(-1)]).toEqual([2, -1, -1]);
  expect(exports["memory"]).toBe(memory);
  expect(Buffer.from(memory!.buffer, 8, 4).toString()).toBe("kept");
});

test("rewriteModule: with logical growth a larger memory looks as small as the module's own", async () => {
  const bytes = await parse(`(module (memory 1)
    (func (export "size") (result i32) (memory.size))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
  const module = rewritten(bytes, { maxMemoryPages: 5, growth: "logical" });
  const { exports, memory } = instantiate(module, { pages: 3 });
  const size = exports["size"] as () => number;
  const grow = exports["grow"] as (pages: number) => number;
  expect([size(), grow(1), size(), grow(-2), grow(0)]).toEqual([1, 1, 2, -1, 2]);
  expect(memory!.buffer.byteLength / 65_536).toBe(3);
  expect([grow(3), size(), grow(1), grow(0x7fff_ffff), size()]).toEqual([2, 5, -1, -1, 5]);
  expect(memory!.buffer.byteLength / 65_536).toBe(5);
});

test("rewriteModule: an imported memory stays as it is, and the epoch comes behind it", async () => {
  const bytes = await parse(`(module (import "env" "memory" (memory 1))
    (func (export "read") (result i32) (local i32) (loop (br_if 0 (local.get 0))) (i32.load (i32.const 0))))`);
  const module = rewritten(bytes);
  expect(module.memory).toBeUndefined();
  const memory = new WebAssembly.Memory({ initial: 1 });
  new Int32Array(memory.buffer)[0] = 42;
  const { exports } = instantiate(module, { imports: { env: { memory } } });
  expect((exports["read"] as () => number)()).toBe(42);
});

test("rewriteModule: code without a memory is checked too", async () => {
  const module = rewritten(await parse('(module (func (export "spin") (loop (br 0))))'));
  const { exports } = instantiate(module, { epoch: makeEpoch(1) });
  expect(exports["spin"]).toThrow(WebAssembly.RuntimeError);
});

test("rewriteModule: instances with epoch words of their own are stopped one by one", async () => {
  const bytes = await parse(
    `(module (global (mut i32) (i32.const 7)) (func (export "f") (loop (br_if 0 (i32.const 0)))))`,
  );
  const module = rewritten(bytes, { maxMemoryPages: 16, epochWord: "own", exportsState: false });
  expect(module).toMatchObject({ epoch: true, epochAddress: "wasmlet:epoch", globals: [], resettable: false });
  const epoch = makeEpoch();
  const [one, other] = [instantiate(module, { epoch }).exports, instantiate(module, { epoch }).exports];
  (other["wasmlet:epoch"] as WebAssembly.Global).value = OWN_EPOCH_WORD + 16;
  const words = new Int32Array(epoch.buffer);
  words[0] = 1;
  words[OWN_EPOCH_WORD / 4] = 1;
  expect(one["f"]).toThrow("unreachable");
  expect(other["f"]).not.toThrow();
});

test("rewriteModule: a start function checks the first word, also where instances have their own", async () => {
  const bytes = await parse("(module (func $f (loop (br 0))) (start $f))");
  const module = rewritten(bytes, { maxMemoryPages: 16, epochWord: "own" });
  expect(() => instantiate(module, { epoch: makeEpoch(1) })).toThrow(WebAssembly.RuntimeError);
});

test("rewriteModule: a start function that does not end is stopped", async () => {
  const module = rewritten(await parse("(module (func $f (loop (br 0))) (start $f))"));
  expect(() => instantiate(module, { epoch: makeEpoch(1) })).toThrow(WebAssembly.RuntimeError);
});

test("rewriteModule: a small function without loops and calls is left as it is, so is a module of such", async () => {
  const bytes = await parse(
    '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))',
  );
  const module = rewritten(bytes);
  expect(module.epoch).toBe(false);
  expect(WebAssembly.Module.imports(new WebAssembly.Module(module.bytes))).toEqual([]);
});

test("rewriteModule: mutable globals, and tables that may change, are exported by their index", async () => {
  const module = rewritten(
    await parse(`(module (import "env" "g" (global (mut i32))) (import "env" "t" (table 1 funcref))
      (global i32 (i32.const 1)) (global (mut i64) (i64.const 2)) (global (mut externref) (ref.null extern))
      (table $fixed 2 funcref) (table $open (export "open") 2 funcref) (table $written 2 externref)
      (func (param i32) (call_indirect $fixed (local.get 0)) (table.set $written (local.get 0) (ref.null extern))))`),
  );
  expect(module).toMatchObject({
    globals: ["wasmlet:global:2", "wasmlet:global:3"],
    tables: ["wasmlet:table:2", "wasmlet:table:3"],
    resettable: true,
  });
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(module.bytes)).map(({ name }) => name);
  expect(exported).toEqual(["open", ...module.globals, ...module.tables]);
});

test.each([
  ["global 0 of type v128 cannot be read from outside", "(global (mut v128) (v128.const i64x2 0 0))"],
  ["global 0 of type exnref cannot be read from outside", "(global (mut exnref) (ref.null exn))"],
  ["table 0 of type exnref cannot be read from outside", '(table (export "t") 1 exnref)'],
  [
    "data segment 0 is dropped for good",
    `(memory 1) (data "abc") (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop 0))`,
  ],
  [
    "element segment 0 is dropped for good",
    `(table 3 funcref) (elem func 0) (func (table.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop 0))`,
  ],
])("rewriteModule: not resettable, %s", async (reason, fields) => {
  expect(rewritten(await parse(`(module ${fields})`))).toMatchObject({ resettable: false, reason });
});

test("rewriteModule: dropping a segment that nothing reads is no state", async () => {
  const module = rewritten(await parse('(module (memory 1) (data "abc") (func (data.drop 0)))'));
  expect(module.resettable).toBe(true);
});

test.each([
  ["64-bit memory", "(memory i64 1)"],
  ["shared memory (threads)", "(memory 1 2 shared)"],
  ["multiple memories", "(memory 1) (memory 1)"],
  ["multiple memories", '(import "env" "m" (memory 1)) (memory 1)'],
  ["64-bit tables", "(table i64 1 funcref)"],
  ["garbage-collected types", "(type (struct (field i32)))"],
  ["garbage-collected types", "(rec (type (func)) (type (func)))"],
  ["garbage-collected types", "(func (param eqref) (result i32) (ref.eq (local.get 0) (local.get 0)))"],
  ["garbage-collected types", "(func (result i32) (i31.get_s (ref.i31 (i32.const 1))))"],
  ["atomic instructions", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"],
  ['an import from "wasmlet"', '(import "wasmlet" "epoch" (func))'],
  ['an export named "wasmlet:…"', '(func (export "wasmlet:global:0"))'],
])("rewriteModule: %s is not rewritten, and that is said", async (routed, fields) => {
  expect(rewriteModule(await parse(`(module ${fields})`), { maxMemoryPages: 16 })).toEqual({ routed });
});

test("rewriteModule: broken bytes are ARTIFACT_INVALID and say where", async () => {
  const bytes = await parse("(module (func (loop (br 0))))");
  expect(() => rewriteModule(bytes.subarray(0, bytes.length - 3), { maxMemoryPages: 16 })).toThrow(
    expect.objectContaining({ code: "ARTIFACT_INVALID", message: expect.stringMatching(/at byte \d+/) }),
  );
});

test("rewriteModule: function names stay, custom sections with offsets into the code go", async () => {
  const bytes = await parse(
    '(module (@custom ".debug_line" "x") (@custom "metadata.code.branch_hint" "\\00") (func $spin (export "spin") (loop (br 0))))',
  );
  const module = new WebAssembly.Module(rewritten(bytes).bytes);
  expect(WebAssembly.Module.customSections(module, "name")).toHaveLength(1);
  expect(WebAssembly.Module.customSections(module, ".debug_line")).toHaveLength(0);
  expect(WebAssembly.Module.customSections(module, "metadata.code.branch_hint")).toHaveLength(0);
});

/** Bytes of a module with a memory or without, around the code of one function without locals. */
function moduleAround(code: readonly number[], { memory }: { memory: boolean }): Uint8Array {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
  const body = [0, ...code, 0x0b];
  return Uint8Array.from([...header, ...(memory ? [5, 3, 1, 0, 1] : []), 10, body.length + 2, 1, body.length, ...body]);
}

const LOAD_FROM_1 = [0x41, 0, 0x28, 0x42, 1, 0, 0x1a];
const SIZE_OF_1 = [0x3f, 1, 0x1a];
const FILL_1 = [0x41, 0, 0x41, 0, 0x41, 1, 0xfc, 0x0b, 1];
const COPY_TO_1 = [0x41, 0, 0x41, 0, 0x41, 1, 0xfc, 0x0a, 1, 0];
const COPY_FROM_1 = [0x41, 0, 0x41, 0, 0x41, 1, 0xfc, 0x0a, 0, 1];
const LOAD_FROM_0 = [0x41, 0, 0x28, 2, 0, 0x1a];
const STORE_TO_0 = [0x41, 0, 0x41, 0, 0x36, 2, 0];

test.each([
  { does: "loads from", code: LOAD_FROM_1, memory: true },
  { does: "sizes", code: SIZE_OF_1, memory: true },
  { does: "fills", code: FILL_1, memory: true },
  { does: "copies to", code: COPY_TO_1, memory: true },
  { does: "copies from", code: COPY_FROM_1, memory: true },
  { does: "without memory loads from", code: LOAD_FROM_0, memory: false },
  { does: "without memory stores to", code: STORE_TO_0, memory: false },
])("contract: code that $does what becomes the epoch is not rewritten", ({ code, memory }) => {
  const bytes = moduleAround(code, { memory });
  expect(() => new WebAssembly.Module(bytes)).toThrow(WebAssembly.CompileError);
  expect(() => rewritten(bytes)).toThrow(/multiple memories|without a memory/);
});

test("contract: neither an export nor a data segment comes to name the epoch", () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const memory = [5, 3, 1, 0, 1];
  const exported = [7, 5, 1, 1, 0x65, 2];
  const segment = [11, 8, 1, 2, 1, 0x41, 0, 0x0b, 1, 7];
  expect(() => rewritten(Uint8Array.from([...header, ...exported, 0]))).toThrow(/no memory 0/);
  expect(() => rewritten(Uint8Array.from([...header, ...memory, ...exported, 1]))).toThrow(/no memory 1/);
  expect(() => rewritten(Uint8Array.from([...header, ...memory, ...segment]))).toThrow(/multiple memories/);
  expect(() => rewritten(Uint8Array.from([...header, 11, 7, 1, 0, 0x41, 0, 0x0b, 1, 7]))).toThrow(/without a memory/);
});
