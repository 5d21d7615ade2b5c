import { expect, test } from "vitest";
import { ERRNO } from "./errno.ts";
import { TestGuest } from "./test-guest.ts";

const REALTIME = 0;
const MONOTONIC = 1;

test("clock: both clocks are the host's", async () => {
  const guest = new TestGuest();
  guest.clock.advance(500n);
  expect(await guest.call("clock_time_get", MONOTONIC, 0n, 8)).toBe(ERRNO.SUCCESS);
  expect(guest.u64(8)).toBe(1_500n);
  expect(await guest.call("clock_time_get", REALTIME, 0n, 8)).toBe(ERRNO.SUCCESS);
  expect(guest.u64(8)).toBe(1_000_000_001_500n);
});

test.each([
  [REALTIME, 1_000_000n],
  [MONOTONIC, 1n],
])("clock: the resolution of clock %i is %i ns", async (id, resolution) => {
  const guest = new TestGuest();
  expect(await guest.call("clock_res_get", id, 8)).toBe(ERRNO.SUCCESS);
  expect(guest.u64(8)).toBe(resolution);
});

test.each([2, 3, 4, -1])("clock: clock %i is not offered", async (id) => {
  const guest = new TestGuest();
  expect(await guest.call("clock_time_get", id, 0n, 8)).toBe(ERRNO.INVAL);
  expect(await guest.call("clock_res_get", id, 8)).toBe(ERRNO.INVAL);
});
