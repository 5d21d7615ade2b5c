import { expect, test } from "vitest";
import { GuestExit } from "../errors.ts";
import { ERRNO } from "./errno.ts";
import { TestGuest } from "./test-guest.ts";

test("process: arguments are told as C strings", async () => {
  const guest = new TestGuest({ args: ["prog", "", "ä b"] });
  expect(await guest.call("args_sizes_get", 0, 4)).toBe(ERRNO.SUCCESS);
  expect([guest.u32(0), guest.u32(4)]).toEqual([3, 5 + 1 + 5]);
  expect(await guest.call("args_get", 16, 100)).toBe(ERRNO.SUCCESS);
  expect([guest.u32(16), guest.u32(20), guest.u32(24)]).toEqual([100, 105, 106]);
  expect(guest.text(100, 11)).toBe("prog\0\0ä b\0");
});

test("process: the environment is told as NAME=value", async () => {
  const guest = new TestGuest({
    env: [
      ["A", "1"],
      ["B", "x=y"],
    ],
  });
  await guest.call("environ_sizes_get", 0, 4);
  expect([guest.u32(0), guest.u32(4)]).toEqual([2, 10]);
  await guest.call("environ_get", 16, 100);
  expect(guest.text(guest.u32(16), 10)).toBe("A=1\0B=x=y\0");
});

test.each([
  [[["A", "1"]], "A=1\0PWD=/data\0"],
  [[["PWD", "/own"]], "PWD=/own\0"],
] as const)("process: the working directory is told as PWD unless the environment says it: %j", async (env, told) => {
  const guest = new TestGuest({ env, cwd: "/data" });
  await guest.call("environ_get", 16, 100);
  expect(guest.text(100, told.length)).toBe(told);
});

test.each([
  ["args_get", 65_533, 0],
  ["args_get", 0, 65_530],
  ["args_sizes_get", 65_533, 0],
  ["environ_sizes_get", 0, 65_533],
])("process: %s(%i, %i) is a fault", async (name, first, second) => {
  expect(await new TestGuest({ args: ["a longer name"] }).call(name, first, second)).toBe(ERRNO.FAULT);
});

test.each([
  [0, 0],
  [200, 200],
  [-1, 4_294_967_295],
])("process: proc_exit(%i) ends the guest with the full code %i", (argument, code) => {
  const exit = (): unknown => new TestGuest().start("proc_exit", argument);
  expect(exit).toThrow(new GuestExit(code));
  expect(exit).toThrow(expect.objectContaining({ code }));
});

test("process: signals are not offered", async () => {
  expect(await new TestGuest().call("proc_raise", 9)).toBe(ERRNO.NOTSUP);
});

test("process: sched_yield lets the neighbours run first", async () => {
  const guest = new TestGuest();
  const order: string[] = [];
  setImmediate(() => order.push("neighbour"));
  expect(await guest.call("sched_yield")).toBe(ERRNO.SUCCESS);
  order.push("guest");
  expect(order).toEqual(["neighbour", "guest"]);
});

test("process: a small random_get answers at once and fills exactly its range", () => {
  const guest = new TestGuest();
  expect(guest.start("random_get", 100, 64)).toBe(ERRNO.SUCCESS);
  const memory = new Uint8Array(guest.memory.buffer);
  expect(memory.subarray(100, 164).every((byte) => byte === 0)).toBe(false);
  expect(memory.subarray(0, 100).every((byte) => byte === 0)).toBe(true);
  expect(memory.subarray(164, 300).every((byte) => byte === 0)).toBe(true);
});

test("process: a large random_get lets the neighbours run and fills to the end", async () => {
  const guest = new TestGuest();
  guest.memory.buffer = new ArrayBuffer(300_000);
  const pending = guest.start("random_get", 0, 300_000);
  expect(pending).toBeInstanceOf(Promise);
  expect(await pending).toBe(ERRNO.SUCCESS);
  const tail = new Uint8Array(guest.memory.buffer).subarray(300_000 - 64);
  expect(tail.every((byte) => byte === 0)).toBe(false);
});

test("process: random_get outside memory is a fault, however long", async () => {
  const guest = new TestGuest();
  expect(await guest.call("random_get", 0, -1)).toBe(ERRNO.FAULT);
  expect(await guest.call("random_get", 65_535, 2)).toBe(ERRNO.FAULT);
});
