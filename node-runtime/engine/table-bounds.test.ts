import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { expect, test } from "vitest";
import { clampTables, readTables } from "./table-bounds.ts";

const GROWING = `(module
  (table $one 2 funcref) (table $other 3 7 funcref (ref.func $f))
  (func $f (export "f") (result i32) (i32.const 42))
  (func (export "one") (param i32) (result i32) (table.grow $one (ref.null func) (local.get 0)))
  (func (export "other") (param i32) (result i32) (table.grow $other (ref.null func) (local.get 0)))
  (func (export "call") (result i32) (call_indirect $other (result i32) (i32.const 2)))
  (elem declare func $f))`;

interface Grown {
  one: (elements: number) => number;
  other: (elements: number) => number;
  call: () => number;
}

function instantiate(bytes: Uint8Array): Grown {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Grown;
}

test("readTables: own tables are found, with and without initialisers", async () => {
  expect(readTables(await parse(GROWING))).toMatchObject([
    { min: 2, max: undefined },
    { min: 3, max: 7 },
  ]);
});

test("clampTables: table.grow past the limit yields -1, and everything else is kept", async () => {
  const { one, other, call } = instantiate(clampTables(await parse(GROWING), [4, 1000]));
  expect([one(2), one(1)]).toEqual([2, -1]);
  expect([other(4), other(1)]).toEqual([3, -1]);
  expect(call()).toBe(42);
});

test("clampTables: a table keeps what it starts with", async () => {
  const { other } = instantiate(clampTables(await parse(GROWING), [0, 0]));
  expect([other(0), other(1)]).toEqual([3, -1]);
});

test("clampTables: a module without tables is returned as it is", async () => {
  const bytes = await parse('(module (func (export "f")))');
  expect(clampTables(bytes, [])).toBe(bytes);
});
