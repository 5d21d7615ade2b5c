import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { expect, test } from "vitest";
import { clampMemories, readMemories } from "./module-sections.ts";

const GROWING = `(module
  (memory (export "memory") 2)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (data (i32.const 8) "kept"))`;

function instantiate(bytes: Uint8Array): { memory: WebAssembly.Memory; grow: (pages: number) => number } {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return exports as unknown as ReturnType<typeof instantiate>;
}

test("clampMemories: memory.grow past the limit yields -1, and everything else is kept", async () => {
  const { memory, grow } = instantiate(clampMemories(await parse(GROWING), 4));
  expect(grow(2)).toBe(2);
  expect(grow(1)).toBe(-1);
  expect(Buffer.from(memory.buffer, 8, 4).toString()).toBe("kept");
});

test("clampMemories: a lower maximum of the module's own stays", async () => {
  const { grow } = instantiate(clampMemories(await parse(GROWING.replace(" 2)", " 2 3)")), 1000));
  expect(grow(1)).toBe(2);
  expect(grow(1)).toBe(-1);
});

test("clampMemories: a module without memories is returned as it is", async () => {
  const bytes = await parse('(module (func (export "f")))');
  expect(clampMemories(bytes, 1)).toBe(bytes);
});

test("readMemories: imported and own memories behind other imports are found", async () => {
  const bytes = await parse(`(module
    (import "a" "t" (table 1 funcref)) (import "a" "g" (global (mut i64))) (import "a" "f" (func))
    (import "a" "m" (memory 3 5)) (memory 300))`);
  expect(readMemories(bytes)).toMatchObject([
    { imported: true, minPages: 3, maxPages: 5 },
    { imported: false, minPages: 300, maxPages: undefined },
  ]);
});

test("readMemories: truncated bytes are a RangeError, not an endless loop", async () => {
  const bytes = await parse(GROWING);
  for (let length = 9; length < bytes.length; length++) {
    try {
      readMemories(bytes.subarray(0, length));
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(RangeError);
    }
  }
  expect(() => readMemories(bytes.subarray(0, 10))).toThrow(RangeError);
});
