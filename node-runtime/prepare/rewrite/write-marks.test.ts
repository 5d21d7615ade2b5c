import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { expect, test } from "vitest";
import { SLACK_BYTES, WRITES_MEMORY } from "../../engine/write-marks.ts";
import { instantiate, rewritten } from "./observed-run.ts";

const OPTIONS = { maxMemoryPages: 2, tracksWrites: true };
const PAGE_BYTES = 4096;

/** The pages that a function `f` of one parameter marks, and those that it changed, its slack left aside. */
async function run(code: string, value: number, fields = ""): Promise<{ marked: number[]; changed: number[] }> {
  const module = rewritten(
    await parse(`(module (memory 2) ${fields} (func (export "f") (param i32) ${code}))`),
    OPTIONS,
  );
  const { exports, memory } = instantiate(module);
  const marks = new Uint8Array(WRITES_MEMORY.buffer);
  marks.fill(0);
  try {
    (exports["f"] as (value: number) => void)(value);
  } catch (thrown) {
    if (!(thrown instanceof WebAssembly.RuntimeError)) throw thrown;
  }
  const marked = [...marks.keys()].filter((page) => marks[page] !== 0);
  const changed = new Set<number>();
  for (const [address, byte] of new Uint8Array(memory!.buffer).entries()) {
    if (byte !== 0) changed.add(Math.floor(address / PAGE_BYTES));
  }
  return { marked, changed: [...changed] };
}

const STORE = "(i32.store (local.get 0) (i32.const -1))";
const NEAR = `(i32.store offset=${SLACK_BYTES - 4} (local.get 0) (i32.const -1))`;
const FAR = `(i32.store offset=${SLACK_BYTES + 4096} (local.get 0) (i32.const -1))`;
const MOVE = "(local.set 0 (i32.const 20480))";

test.each([
  { does: "stores", code: STORE, value: 8192, marked: [2] },
  { does: "stores at an offset", code: FAR, value: 8192, marked: [3] },
  { does: "stores close by", code: STORE + NEAR, value: 8192, marked: [2] },
  { does: "stores farther away", code: STORE + FAR, value: 8192, marked: [2, 3] },
  { does: "stores by a changed local", code: STORE + MOVE + STORE, value: 8192, marked: [2, 5] },
  {
    does: "stores by a local that changes after it was read",
    code: `(local.get 0) ${MOVE} (i32.const -1) (i32.store)`,
    value: 8192,
    marked: [2],
  },
  {
    does: "stores by a local that is teed while its value is on the stack",
    code: `(local.get 0) (i32.add (local.tee 0 (i32.const 20480)) (i32.const 1)) (i32.store)`,
    value: 8192,
    marked: [2],
  },
  {
    does: "stores what a call returns",
    code: `(i32.store (local.get 0) (call $seven))`,
    value: 8192,
    marked: [2],
    fields: "(func $seven (result i32) (i32.const 7))",
  },
  {
    does: "stores in a branch that is not taken",
    code: `(if (i32.eqz (local.get 0)) (then ${STORE})) ${STORE}`,
    value: 8192,
    marked: [2],
  },
  {
    does: "stores in the other branch",
    code: `(if (i32.eqz (local.get 0)) (then ${STORE}) (else ${NEAR}))`,
    value: 8192,
    marked: [2],
  },
  {
    does: "stores in a block that is left",
    code: `(block (br_if 0 (local.get 0)) ${STORE}) ${STORE}`,
    value: 8192,
    marked: [2],
  },
  {
    does: "stores in a loop's second round",
    code: `(loop $l ${STORE} (local.set 0 (i32.add (local.get 0) (i32.const 4096)))
      (br_if $l (i32.lt_u (local.get 0) (i32.const 20480))))`,
    value: 8192,
    marked: [2, 3, 4],
  },
  {
    does: "stores at a loop's head behind one in front of it",
    code: `(loop $l ${STORE} ${MOVE} (br_if $l (i32.eqz (i32.load (local.get 0)))))`,
    value: 8192,
    marked: [2, 5],
  },
  {
    does: "stores in a handler",
    code: `(block $h (try_table (catch_all $h) (throw $t) ${STORE})) ${STORE}`,
    value: 8192,
    marked: [2],
    fields: "(tag $t)",
  },
  {
    does: "stores in an old handler",
    code: `try (throw $t) ${STORE} catch_all ${STORE} end`,
    value: 8192,
    marked: [2],
    fields: "(tag $t)",
  },
  {
    does: "stores out of bounds",
    code: `(i32.store offset=0xffffffff (local.get 0) (i32.const -1))`,
    value: 8192,
    marked: [1],
  },
  {
    does: "fills",
    code: "(memory.fill (local.get 0) (i32.const 1) (i32.const 9000))",
    value: 8190,
    marked: [1, 2, 3, 4],
  },
  { does: "fills shortly", code: "(memory.fill (local.get 0) (i32.const 1) (i32.const 16))", value: 8192, marked: [2] },
  {
    does: "fills nothing",
    code: "(memory.fill (local.get 0) (i32.const 1) (i32.sub (local.get 0) (local.get 0)))",
    value: 8192,
    marked: [],
  },
  {
    does: "fills past 4 GiB",
    code: "(memory.fill (local.get 0) (i32.const 1) (i32.sub (i32.const 0) (i32.const 1)))",
    value: 8192,
    marked: [],
  },
  {
    does: "copies",
    code: "(memory.copy (local.get 0) (i32.const 0) (i32.const 4097))",
    value: 8191,
    marked: [1, 2],
    fields: '(data (i32.const 0) "")',
  },
  {
    does: "initializes",
    code: "(memory.init 0 (local.get 0) (i32.const 0) (i32.const 3))",
    value: 8192,
    marked: [2],
    fields: '(data "abc")',
  },
])("rewriteModule: code that $does marks its pages and no others", async ({ code, value, marked, fields }) => {
  expect((await run(code, value, fields)).marked).toEqual(marked);
});

test.each([
  "i32.store",
  "i64.store",
  "f32.store",
  "f64.store",
  "i32.store8",
  "i32.store16",
  "i64.store8",
  "i64.store16",
  "i64.store32",
  "v128.store",
  "v128.store8_lane",
  "v128.store16_lane",
  "v128.store32_lane",
  "v128.store64_lane",
])("rewriteModule: %s is marked, its value being known or not", async (instruction) => {
  const type = instruction.slice(0, instruction.indexOf("."));
  const lane = instruction.endsWith("lane") ? "0" : "";
  const value = type === "v128" ? "(v128.const i32x4 -1 -1 -1 -1)" : `(${type}.const -1)`;
  for (const address of ["(local.get 0)", "(i32.add (local.get 0) (i32.const 0))"]) {
    const { marked, changed } = await run(`(${instruction} offset=4096 ${lane} ${address} ${value})`, 4096);
    expect([marked, changed]).toEqual([[2], [2]]);
  }
});

test("rewriteModule: a function with as many locals as V8 takes is routed when it would need more", async () => {
  const bytes = await parse(`(module (memory 1) (func (param i32) (local ${"i32 ".repeat(49_999)})
    (i32.store (i32.const 0) (i32.const 1))))`);
  expect(WebAssembly.validate(bytes)).toBe(true);
  expect(rewritten(bytes).writes).toBe(false);
  expect(() => rewritten(bytes, OPTIONS)).toThrow("routed: a function with too many locals");
});
