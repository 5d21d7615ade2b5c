import { Writer } from "../../wasm-binary/writer.ts";
import type { AppendedFunction } from "./appendix.ts";

/**
 * Logical growth: the guest's memory size is a global, and `memory.grow` a function that raises it, growing the memory
 * only when it is too small:
 *
 *   (func $grow (param $delta i32) (result i32) (local $new i32)
 *     (local.set $new (i32.add (global.get $pages) (local.get $delta)))
 *     (if (i32.lt_u (local.get $new) (local.get $delta)) (then (return (i32.const -1))))
 *     (if (i32.gt_u (local.get $new) (memory.size))
 *       (then (if (i32.eq (i32.const -1) (memory.grow (i32.sub (local.get $new) (memory.size))))
 *         (then (return (i32.const -1))))))
 *     (global.get $pages) (global.set $pages (local.get $new)))
 */

/** Returns `$grow`, where the global `pages` holds the size. */
export function growFunction(pages: number): AppendedFunction {
  const getPages = globalGetOf(pages);
  const body = new Writer()
    .raw([1, 1, 0x7f]) // one local of type i32
    .raw(getPages)
    .raw([0x20, 0, 0x6a, 0x21, 1]) // local.get $delta; i32.add; local.set $new
    .raw([0x20, 1, 0x20, 0, 0x49, 0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b]) // if $new <u $delta: return -1
    .raw([0x20, 1, 0x3f, 0, 0x4b, 0x04, 0x40]) // if $new >u memory.size
    .raw([0x41, 0x7f, 0x20, 1, 0x3f, 0, 0x6b, 0x40, 0, 0x46]) // memory.grow($new - memory.size) == -1
    .raw([0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b, 0x0b]) // if: return -1; end; end
    .raw(getPages)
    .raw([0x20, 1, 0x24]) // local.get $new; global.set
    .unsigned(pages)
    .byte(0x0b);
  return { type: Uint8Array.of(0x60, 1, 0x7f, 1, 0x7f), body: new Writer().sized(body.done()).done() };
}

/** Returns the entry of a mutable global of type i32 that is `value` at first. */
export function counterGlobal(value: number): Uint8Array {
  return new Writer().raw([0x7f, 1, 0x41]).signed(value).byte(0x0b).done();
}

/** Returns `global.get index`. */
export function globalGetOf(index: number): Uint8Array {
  return new Writer().byte(0x23).unsigned(index).done();
}

/** Returns `call index`. */
export function callOf(index: number): Uint8Array {
  return new Writer().byte(0x10).unsigned(index).done();
}
