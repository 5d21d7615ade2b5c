import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { messageOf } from "../../../common/errors.ts";
import { Reader } from "../../wasm-binary/reader.ts";
import { SECTION, sectionsOf } from "../../wasm-binary/sections.ts";
import type { PieceLengths } from "./bulk-operations.ts";
import { instantiate, makeEpoch, rewritten, type Made } from "./observed-run.ts";

const PAGE = 65_536;
const SLOTS = { one: 40, other: 30 };
const SEGMENT_LENGTH = 30;
const FUNCTIONS = Array.from({ length: SEGMENT_LENGTH }, (_, index) => `$f${index}`);

/** Every bulk operation as a function of its three values; `table.fill` takes the number of a function for the second. */
const OPERATIONS = `(module
  (memory (export "memory") 1)
  (data $data "${Array.from({ length: SEGMENT_LENGTH }, (_, index) => `\\${(0x40 + index).toString(16)}`).join("")}")
  (table $one (export "one") ${SLOTS.one} funcref)
  (table $other (export "other") ${SLOTS.other} funcref)
  (table $all funcref (elem ${FUNCTIONS.join(" ")}))
  (elem $elements func ${FUNCTIONS.join(" ")})
  ${FUNCTIONS.map((name, index) => `(func ${name} (export "${index}"))`).join("\n")}
  ${bulk("memory.fill")}
  ${bulk("memory.copy")}
  ${bulk("memory.init", "$data")}
  ${bulk("table.copy", "$one $one")}
  ${bulk("table.copy", "$one $other")}
  ${bulk("table.copy", "$other $one")}
  ${bulk("table.init", "$one $elements")}
  ${bulk("table.init", "$other $elements")}
  (func (export "table.fill") (param i32 i32 i32)
    (table.fill $one (local.get 0) (table.get $all (i32.rem_u (local.get 1) (i32.const ${SEGMENT_LENGTH}))) (local.get 2)))
  (func (export "data.drop") (param i32 i32 i32) (data.drop $data))
  (func (export "elem.drop") (param i32 i32 i32) (elem.drop $elements)))`;

/** The operations that write, and how much there is where they write to. */
const WRITING = [
  { name: "memory.fill", end: PAGE },
  { name: "memory.copy", end: PAGE },
  { name: "memory.init $data", end: PAGE },
  { name: "table.copy $one $one", end: SLOTS.one },
  { name: "table.copy $one $other", end: SLOTS.one },
  { name: "table.copy $other $one", end: SLOTS.other },
  { name: "table.init $one $elements", end: SLOTS.one },
  { name: "table.init $other $elements", end: SLOTS.other },
  { name: "table.fill", end: SLOTS.one },
];

function bulk(instruction: string, indices = ""): string {
  const name = `${instruction} ${indices}`.trim();
  return `(func (export "${name}") (param i32 i32 i32)
    (${name} (local.get 0) (local.get 1) (local.get 2)))`;
}

interface Step {
  name: string;
  values: [to: number, from: number, count: number];
}

/** Places and lengths close to each other, at the ends of memory, tables and segments, and at those of 32 bits. */
const place = fc.oneof(
  { weight: 6, arbitrary: fc.nat(45) },
  { weight: 2, arbitrary: fc.integer({ min: PAGE - 45, max: PAGE + 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: -45, max: 0 }) },
  { weight: 1, arbitrary: fc.integer() },
);
const step: fc.Arbitrary<Step> = fc.record({
  name: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...WRITING.map(({ name }) => name)) },
    { weight: 1, arbitrary: fc.constantFrom("data.drop", "elem.drop") },
  ),
  values: fc.tuple(place, place, place),
});

/** Does the steps and returns all that can be seen of them. */
function observe(exports: Made["exports"], steps: readonly Step[]): unknown[] {
  const memory = new Uint8Array((exports["memory"] as WebAssembly.Memory).buffer);
  for (let index = 0; index < memory.length; index++) memory[index] = index * 7;
  for (const [name, length] of Object.entries(SLOTS)) {
    const table = exports[name] as WebAssembly.Table;
    for (let slot = 0; slot < length; slot++) table.set(slot, exports[(slot * 7) % SEGMENT_LENGTH]);
  }
  const outcomes = steps.map(({ name, values }) => {
    try {
      return (exports[name] as (...values: number[]) => void)(...values);
    } catch (thrown) {
      return messageOf(thrown);
    }
  });
  const slots = Object.entries(SLOTS).map(([name, length]) => {
    const table = exports[name] as WebAssembly.Table;
    return Array.from({ length }, (_, index) => (table.get(index) as Function | null)?.name);
  });
  return [outcomes, slots, Buffer.from(memory).toString("latin1")];
}

const PIECES: PieceLengths[] = [1, 2, 3, 7, 16].map((length) => ({ bytes: length, elements: length }));

test.each(PIECES)("bulk operations in pieces of $bytes do what whole ones do", async (pieceLengths) => {
  const bytes = await parse(OPERATIONS);
  const original = new WebAssembly.Module(bytes);
  const module = rewritten(bytes, { maxMemoryPages: 16, pieceLengths });
  const seen = new Set<unknown>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const expected = observe(new WebAssembly.Instance(original).exports, steps);
      expect(observe(instantiate(module).exports, steps)).toEqual(expected);
      for (const outcome of expected[0] as unknown[]) seen.add(outcome);
    }),
    { numRuns: 200 },
  );
  expect(seen.size).toBeGreaterThan(2); // done, and out of bounds of a memory and of a table
});

test.each([
  { overlap: "target behind source", values: [3, 0, 40] },
  { overlap: "target before source", values: [0, 3, 40] },
  { overlap: "target a piece behind", values: [7, 0, 40] },
  { overlap: "the same place", values: [5, 5, 40] },
] as const)("memory.copy in pieces: $overlap", async ({ values }) => {
  const bytes = await parse(OPERATIONS);
  const steps: Step[] = [{ name: "memory.copy", values: [...values] }];
  const { exports } = instantiate(rewritten(bytes, { maxMemoryPages: 1, pieceLengths: { bytes: 7, elements: 7 } }));
  const [outcomes, , memory] = observe(exports, steps);
  const [to, from, count] = values;
  const expected = Uint8Array.from({ length: PAGE }, (_, index) => index * 7);
  expected.copyWithin(to, from, from + count);
  expect([outcomes, memory]).toEqual([[undefined], Buffer.from(expected).toString("latin1")]);
});

test.each(WRITING)("contract: $name out of bounds writes nothing", async ({ name, end }) => {
  const bytes = await parse(OPERATIONS);
  const module = rewritten(bytes, { maxMemoryPages: 1, pieceLengths: { bytes: 4, elements: 4 } });
  const [, ...pristine] = observe(instantiate(module).exports, []);
  const [outcomes, ...after] = observe(instantiate(module).exports, [
    { name, values: [end - 20, 0, 21] },
    { name, values: [0, 0, -1] },
    { name, values: [-10, 0, 20] },
  ]);
  for (const outcome of outcomes as unknown[]) expect(outcome).toMatch(/out of bounds/);
  expect(after).toEqual(pristine);
});

/** How many functions a module of one has, rewritten, which does short operations and two of this length. */
async function countFunctions(length: string): Promise<number> {
  const bytes = await parse(`(module (memory 20) (data $d "abc") (table $t 1 funcref) (elem $e func)
    (func (param i32)
      (memory.copy (i32.const 0) (i32.const 0) (i32.const 65536))
      (memory.init $d (i32.const 0) (i32.const 0) (local.get 0))
      (table.init $e (i32.const 0) (i32.const 0) (local.get 0))
      (memory.fill (i32.const 0) (i32.const 0) (${length}))
      (memory.fill (i32.const 0) (i32.const 1) (${length}))))`);
  const { bytes: result } = rewritten(bytes, { maxMemoryPages: 20 });
  const section = sectionsOf(result).find(({ id }) => id === SECTION.function)!;
  return new Reader(result, section.start).u32();
}

test("a constant length, or a segment, that is no longer than a piece needs no function more", async () => {
  expect(await countFunctions("i32.const 1048576")).toBe(1);
  expect(await countFunctions("i32.const 1048577")).toBe(3);
  expect(await countFunctions("local.get 0")).toBe(3);
});

/** Stops the guest (word 0) some time after it is told that it runs: the later, the greater word 1 is. */
const WATCHDOG = `
  const words = new Int32Array(require("node:worker_threads").workerData.buffer);
  for (;;) {
    Atomics.wait(words, 1, 0);
    for (let rounds = words[1] * 1000; rounds > 0; rounds--) Atomics.load(words, 2);
    Atomics.store(words, 1, 0);
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
  }
`;

test("a single memory.fill is stopped on its way", async () => {
  const pages = 1024;
  const epoch = makeEpoch();
  const words = new Int32Array(epoch.buffer);
  const bytes = await parse(`(module (memory ${pages})
    (func (export "f") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0))))`);
  const module = rewritten(bytes, { maxMemoryPages: pages, pieceLengths: { bytes: 64, elements: 1 } });
  const watchdog = new Worker(WATCHDOG, { eval: true, workerData: epoch });
  onTestFinished(async () => void (await watchdog.terminate()));
  const { exports, memory } = instantiate(module, { epoch });
  const view = new Uint8Array(memory!.buffer);
  let isPartial = false;
  // The stop may come before the first piece or after the last: then once more, a little later each time.
  for (let attempt = 1; attempt <= 300 && !isPartial; attempt++) {
    view.fill(0);
    Atomics.store(words, 0, 0);
    Atomics.store(words, 1, attempt);
    Atomics.notify(words, 1);
    try {
      (exports["f"] as (length: number) => void)(view.length);
    } catch (thrown) {
      expect(messageOf(thrown)).toBe("unreachable");
    }
    Atomics.wait(words, 0, 0);
    isPartial = view[0] === 1 && view.at(-1) === 0;
  }
  expect(isPartial).toBe(true);
});
