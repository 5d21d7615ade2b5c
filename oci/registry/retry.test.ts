import { expect, test } from "vitest";
import { WasmletError } from "../../common/errors.ts";
import { createFakeTiming } from "./fake-registry.ts";
import { readRetryAfter } from "../../common/retry-after.ts";
import { pauseAfter, withRetries } from "./retry.ts";
import { TransientError } from "./transient-error.ts";

const transient = new TransientError("OCI_UNREACHABLE", "down");

test("retry: delays double up to a bound, half of each left to chance", () => {
  expect([1, 2, 3, 10].map((failures) => pauseAfter(transient, failures, 0))).toEqual([250, 500, 1000, 7500]);
  expect([1, 2, 3, 10].map((failures) => pauseAfter(transient, failures, 1))).toEqual([500, 1000, 2000, 15_000]);
});

test("retry: what the registry asks for is waited for, unless it is too long", () => {
  expect(pauseAfter(new TransientError("OCI_RATE_LIMITED", "", {}, 20_000), 1, 0)).toBe(20_000);
  expect(pauseAfter(new TransientError("OCI_RATE_LIMITED", "", {}, 3_600_000), 1, 0)).toBeUndefined();
});

test("retry: what will not pass is not tried again", async () => {
  const timing = createFakeTiming();
  const missing = new WasmletError("OCI_NOT_FOUND", "no");
  await expect(withRetries(() => Promise.reject(missing), { timing })).rejects.toHaveProperty("code", "OCI_NOT_FOUND");
  expect(timing.delays).toEqual([]);
});

test("retry: ends with the last error after five tries, and with the abort's at once", async () => {
  const timing = createFakeTiming();
  await expect(withRetries(() => Promise.reject(transient), { timing })).rejects.toBe(transient);
  expect(timing.delays).toHaveLength(4);
  const aborted = AbortSignal.abort(new Error("stopped"));
  await expect(withRetries(() => Promise.reject(transient), { timing, signal: aborted })).rejects.toThrow("stopped");
});

test.each([
  ["120", 120_000],
  ["0", 0],
  ["Thu, 01 Jan 2026 00:00:10 GMT", 10_000],
  ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
  ["soon", undefined],
  ["99999999999999", undefined],
  [undefined, undefined],
])("retry: Retry-After %s is %s ms", (value, expected) => {
  expect(readRetryAfter(value, new Date(Date.UTC(2026, 0, 1)))).toBe(expected);
});
