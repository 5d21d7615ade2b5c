import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, expect, test } from "vitest";
import { ENGINES } from "../../node-runtime/engine/engines.ts";
import { SYSTEM_CLOCK } from "../../node-runtime/wasi/clocks/clock.ts";
import { GuestShelf, loadGuest, makeHost } from "./test-bed.ts";

/*
 * A guest that called itself until its stack was almost full could have the host run out of it anywhere in its own
 * work, and leave a response, or a place among the app's instances, half done.
 */

const shelf = new GuestShelf();
afterAll(() => shelf.clear());

/** Asks for the time, then once more 6000 calls deep. It imports nothing that waits. */
const DEEP = `(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core module $main
    (import "host" "now" (func $now (result i64)))
    (func $down (param $left i32)
      (if (local.get $left)
        (then (call $down (i32.sub (local.get $left) (i32.const 1))))
        (else (drop (call $now)))))
    (func (export "run") (result i32) (call $down (i32.const 0)) (call $down (i32.const 6000)) (i32.const 0)))
  (core instance $main (instantiate $main (with "host" (instance (export "now" (func $now))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exported)))`;

/** How many calls deep the stack still goes. */
function room(): number {
  let depth = 0;
  const down = (): void => {
    depth++;
    down();
  };
  try {
    down();
  } catch {
    // It is full.
  }
  return depth;
}

test.each(["lean", "jco"] as const)("engine %s: what stack the guest took is not the host's", async (engine) => {
  const guest = await shelf.take(shelf.keep(await parse(DEEP)), engine);
  for (let warm = 0; warm < 20; warm++) room();
  const rooms: number[] = [];
  const monotonicNs = (): bigint => (rooms.push(room()), 0n);
  const { host } = makeHost({ clock: { ...SYSTEM_CLOCK, monotonicNs } });
  const instance = await loadGuest(ENGINES[engine], guest).instantiate(host);
  expect(await instance.run!()).toBe(0);
  const [flat, deep] = rooms;
  expect(deep! / flat!).toBeGreaterThan(0.9);
});
