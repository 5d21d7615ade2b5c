import { expect, test } from "vitest";
import type { ErrorCode } from "../../common/error-codes.ts";
import { RetryDelays } from "./retry-delays.ts";

test.each<[code: ErrorCode, seconds: number[]]>([
  ["OCI_NOT_FOUND", [10, 20, 40, 80, 160, 300, 300]],
  ["OCI_UNREACHABLE", [1, 2, 4, 8]],
  ["OCI_POLICY_REFUSED", [300, 300]],
])("RetryDelays: after %s it waits %j seconds", (code, seconds) => {
  const delays = new RetryDelays();
  expect(seconds.map(() => delays.after(code))).toEqual(seconds.map((second) => second * 1000));
});

test("RetryDelays: what no time mends is not tried again", () => {
  expect(new RetryDelays().after("OCI_LAYOUT_UNKNOWN")).toBeUndefined();
});

test("RetryDelays: another failure goes on; a success, or another app, begins anew", () => {
  const delays = new RetryDelays();
  expect(delays.after("OCI_NOT_FOUND")).toBe(10_000);
  expect(delays.after("OCI_UNREACHABLE")).toBe(20_000);
  delays.reset();
  expect(delays.after("OCI_UNREACHABLE")).toBe(1000);
  expect(delays.after("OCI_NOT_FOUND")).toBe(10_000);
});
