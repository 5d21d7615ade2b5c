import { expect, test } from "vitest";
import { UNOBSERVED } from "../../wasi/host.ts";
import { Scope } from "../../wasi/scope.ts";
import { EPOCH_MEMORY } from "../epoch.ts";
import { WatchedSlots } from "../epoch-slots.ts";
import { GuestCalls } from "./guest-calls.ts";

const watched = new WatchedSlots(EPOCH_MEMORY.buffer as unknown as SharedArrayBuffer);
const TRAP = new WebAssembly.RuntimeError("unreachable");

function makeCalls(deadlineMs: number): { calls: GuestCalls; scope: Scope } {
  const scope = new Scope();
  return { calls: new GuestCalls({ scope, activity: { ...UNOBSERVED, deadlineMs } }), scope };
}

const never = (): Promise<never> => new Promise(() => {});

test("GuestCalls: a task that was stopped for its deadline ends the call, and leaves the host to the call's maker", async () => {
  const { calls, scope } = makeCalls(100);
  const call = calls.call(never);
  watched.stopOverdue(100);
  calls.trapped(TRAP);
  await expect(call).rejects.toBe(TRAP);
  expect(scope.closed).toBe(false);
});

test("GuestCalls: any other trap ends the call and all that the host has open", async () => {
  const { calls, scope } = makeCalls(100);
  const call = calls.call(never);
  calls.trapped(TRAP);
  await expect(call).rejects.toBe(TRAP);
  expect(scope.closed).toBe(true);
});

test("GuestCalls: what runs while the instance is made has the deadline, what runs between calls has none", async () => {
  const { calls } = makeCalls(100);
  const isStopped = (): boolean => new Int32Array(EPOCH_MEMORY.buffer)[calls.epochWord / 4] !== 0;
  await calls.start(() => {
    watched.stopOverdue(100);
    expect(isStopped()).toBe(true);
  });
  watched.stopOverdue(100);
  expect(isStopped()).toBe(false);
});

test("GuestCalls: a trap after the call was answered ends the host, whatever its deadline was", async () => {
  const { calls, scope } = makeCalls(100);
  expect(await calls.call(async () => "answer")).toBe("answer");
  watched.stopOverdue(1000);
  calls.trapped(TRAP);
  expect(scope.closed).toBe(true);
});
