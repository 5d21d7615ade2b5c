import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { expect, test } from "vitest";
import { MODULE_HEADER, SECTION } from "../../wasm-binary/sections.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import { epochCheck, epochLoad, STOP } from "./epoch-check.ts";
import { instantiate, rewritten } from "./observed-run.ts";
import { rewriteModule } from "./rewrite.ts";

/** Four of everything that an index can name, so that an immediate of 0 or 3 is valid wherever it is an index. */
function moduleWith(instructions: readonly number[]): Uint8Array {
  const body = [0x02, 0x40, 0x02, 0x40, 0x02, 0x40, ...instructions, 0x0b, 0x0b, 0x0b];
  const out = new Writer().raw(MODULE_HEADER);
  const section = (id: number, entry: readonly number[]): unknown =>
    out.byte(id).sized(Uint8Array.from([4, ...entry, ...entry, ...entry, ...entry]));
  section(SECTION.type, [0x60, 0, 0]);
  section(SECTION.function, [3]);
  section(SECTION.table, [0x70, 0, 1]);
  out.byte(SECTION.memory).sized(Uint8Array.of(1, 0, 1));
  section(SECTION.tag, [0, 3]);
  section(SECTION.global, [0x7f, 1, 0x41, 0, 0x0b]);
  section(SECTION.element, [1, 0, 4, 0, 1, 2, 3]);
  out.byte(SECTION.dataCount).sized(Uint8Array.of(4));
  const locals = [1, 4, 0x7f];
  const empty = [2, 0, 0x0b];
  const code = new Writer().byte(4).raw([...empty, ...empty, ...empty]);
  code.sized(Uint8Array.from([...locals, ...body, 0x0b]));
  out.byte(SECTION.code).sized(code.done());
  section(SECTION.data, [1, 1, 7]);
  return out.done();
}

interface Opcode {
  name: string;
  bytes: readonly number[];
}

const OPCODES: Opcode[] = [
  ...Array.from({ length: 256 }, (_, code) => ({ name: code.toString(16), bytes: [code] })),
  ...prefixed(0xfb, 32),
  ...prefixed(0xfc, 32),
  ...prefixed(0xfd, 320),
  ...prefixed(0xfe, 80),
];

function prefixed(prefix: number, count: number): Opcode[] {
  return Array.from({ length: count }, (_, code) => ({
    name: `${prefix.toString(16)} ${code}`,
    bytes: [prefix, ...new Writer().unsigned(code).done()],
  }));
}

const END = 0x0b;
/** Two nested loops: invalid if any of their first five bytes is taken for an immediate of what stands before. */
const SENTINEL = [0x03, 0x40, 0x03, 0x40, END, END];
const CHECK = [...epochCheck(epochLoad(1), STOP)];
/** In front of these stands a check of their own; the segments here are short. */
const LONG_OPERATIONS = new Set(["40", "fc 8", "fc 12", "fc 15"]);
/** In place of these stands a call of the second function behind the four; the first is for long ones. */
const IN_PIECES = new Set(["fc 10", "fc 11", "fc 14", "fc 17"]);
const CALL = [0x10, 5];

/** Sixteen threes, fifteen, down to none. */
const THREES = Array.from({ length: 17 }, (_, index) => Array.from({ length: 16 - index }, () => 3));

/**
 * Finds out by trial how many immediates V8 reads: a 3 too many is a loop that nobody closes, too few eat the sentinel.
 * Returns the immediates, and the `end` that the instruction itself needs; undefined for what V8 does not know.
 */
function findImmediates({ bytes }: Opcode): { immediates: number[]; closing: number[] } | undefined {
  const candidates = [
    ...THREES,
    ...THREES.map((threes) => [0].concat(threes)),
    [3, 0],
    [0, 3, 0],
    [1, 0x7f],
    [0],
    [0, 0],
  ];
  for (const closing of [[], [END]]) {
    for (const immediates of candidates) {
      const body = [0x00, ...bytes, ...immediates, ...SENTINEL, 0x00, ...closing];
      if (WebAssembly.validate(moduleWith(body))) return { immediates, closing };
    }
  }
  return undefined;
}

test("rewriteModule: every instruction that V8 knows is walked exactly, or routed if garbage-collected or atomic", () => {
  const routed = new Set<string>();
  let walked = 0;
  for (const opcode of OPCODES) {
    const found = findImmediates(opcode);
    if (found === undefined || opcode.bytes[0] === END) continue;
    const instruction = [...opcode.bytes, ...found.immediates];
    const closing = [0x00, ...found.closing];
    const result = rewriteModule(moduleWith([0x00, ...instruction, ...SENTINEL, ...closing]), { maxMemoryPages: 16 });
    if ("routed" in result) {
      routed.add(opcode.name.slice(0, 2));
      continue;
    }
    const before = LONG_OPERATIONS.has(opcode.name) ? CHECK : [];
    const after = opcode.name === "3" ? CHECK : [];
    const loops = [0x03, 0x40, ...CHECK, 0x03, 0x40, ...CHECK, END, END];
    const expected = [
      ...CHECK,
      0x02,
      0x40,
      0x02,
      0x40,
      0x02,
      0x40,
      0x00,
      ...before,
      ...(IN_PIECES.has(opcode.name) ? CALL : instruction),
      ...after,
      ...loops,
      ...closing,
    ];
    expect(WebAssembly.validate(result.bytes), opcode.name).toBe(true);
    expect(Buffer.from(result.bytes).includes(Buffer.from(expected)), opcode.name).toBe(true);
    walked++;
  }
  expect([...routed].toSorted()).toEqual(["d3", "fb", "fe"]);
  // MVP with sign extension 177, bulk memory and saturating conversion 18, vectors 236 + 20, and what came after.
  expect(walked).toBeGreaterThan(440);
});

const run = (exports: WebAssembly.Instance["exports"]): unknown => (exports["f"] as (value: number) => number)(5);

test.each([
  {
    family: "exceptions",
    fields: `(tag $t (param i32))
      (func $boom (param i32) (throw $t (local.get 0)))
      (func $plain (param i32) (result i32)
        (block $h (result i32) (try_table (catch $t $h) (call $boom (local.get 0))) (i32.const -1)))
      (func $reference (param i32) (result i32) (local $e exnref)
        (block $h (result i32 exnref) (try_table (catch_ref $t $h) (call $boom (local.get 0))) (unreachable))
        (local.set $e))
      (func $all (param i32) (result i32)
        (block $h (try_table (catch_all $h) (call $boom (local.get 0))) (return (i32.const -1))) (i32.const 7))
      (func $again (param i32) (result i32)
        (block $outer (result i32) (try_table (catch $t $outer)
          (block $h (result exnref) (try_table (catch_all_ref $h) (call $boom (local.get 0))) (unreachable)) (throw_ref))
          (unreachable)))
      (func (export "f") (param i32) (result i32)
        (i32.add (i32.add (call $plain (local.get 0)) (call $reference (local.get 0)))
          (i32.add (call $all (local.get 0)) (call $again (local.get 0)))))`,
    expected: 5 + 5 + 7 + 5,
  },
  {
    family: "legacy exceptions",
    fields: `(tag $t (param i32))
      (func $boom (param i32) (throw $t (local.get 0)))
      (func (export "f") (param i32) (result i32)
        try (result i32)
          try (result i32)
            try (call $boom (local.get 0)) delegate 0
            i32.const 1
          catch $t
            rethrow 0
          end
        catch $t
          i32.const 10
          i32.add
        catch_all
          i32.const 2
        end)`,
    expected: 15,
  },
  {
    family: "tail calls",
    fields: `(type $f (func (param i32 i32) (result i32))) (table funcref (elem $sum $indirect $reference))
      (elem declare func $sum)
      (func $sum (type $f) (if (result i32) (i32.eqz (local.get 0)) (then (local.get 1))
        (else (return_call $sum (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 0) (local.get 1))))))
      (func $indirect (type $f) (return_call_indirect (type $f) (local.get 0) (local.get 1) (i32.const 0)))
      (func $reference (type $f) (return_call_ref $f (local.get 0) (local.get 1) (ref.func $sum)))
      (func (export "f") (param i32) (result i32)
        (i32.add (call $indirect (local.get 0) (i32.const 0)) (call $reference (local.get 0) (i32.const 100))))`,
    expected: 15 + 115,
  },
  {
    family: "typed function references",
    fields: `(type $f (func (param i32) (result i32))) (elem declare func $double)
      (table $t 2 (ref null $f)) (global $g (mut (ref null $f)) (ref.func $double))
      (func $double (type $f) (i32.shl (local.get 0) (i32.const 1)))
      (func (export "f") (param i32) (result i32) (local $r (ref null $f))
        (table.set $t (i32.const 1) (global.get $g))
        (local.set $r (ref.as_non_null (table.get $t (i32.const 1))))
        (block $null (return (call_ref $f (local.get 0) (br_on_null $null (local.get $r))))) (i32.const -1))`,
    expected: 10,
  },
  {
    family: "vectors",
    fields: `(memory 1) (data (i32.const 16) "\\01\\02\\03\\04")
      (func (export "f") (param i32) (result i32) (local $v v128)
        (loop $again
          (local.set $v (v128.load8_lane 15 (i32.const 16) (v128.const i32x4 0x03030303 3 3 0x03030303)))
          (local.set $v (i8x16.shuffle 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 15 (local.get $v) (local.get $v)))
          (br_if $again (i32.eqz (local.get 0))))
        (i32.add (i8x16.extract_lane_u 0 (local.get $v)) (i8x16.extract_lane_u 15 (local.get $v))))`,
    expected: 3 + 1,
  },
  {
    family: "blocks with parameters",
    fields: `(func (export "f") (param i32) (result i32)
      (i32.const 1) (i32.const 2)
      (loop $l (param i32 i32) (result i32)
        (i32.add) (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (if (param i32) (result i32) (local.get 0) (then (i32.const 3) (br $l)) (else))))`,
    expected: 3 + 4 * 3,
  },
])("rewriteModule: $family work as before", async ({ fields, expected }) => {
  const bytes = await parse(`(module ${fields})`);
  expect(run(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports)).toBe(expected);
  expect(run(instantiate(rewritten(bytes)).exports)).toBe(expected);
});
