import { expect, test } from "vitest";
import { ERRNO } from "./errno.ts";
import { TestGuest } from "./test-guest.ts";

test.each([
  ["sock_accept", [0, 8]],
  ["sock_recv", [0, 0, 0, 8, 12]],
  ["sock_send", [0, 0, 0, 8]],
  ["sock_shutdown", [3]],
] as const)("sockets: %s finds no socket", async (name, rest) => {
  const guest = new TestGuest();
  expect(await guest.call(name, 1, ...rest)).toBe(ERRNO.NOTSOCK);
  expect(await guest.call(name, 9, ...rest)).toBe(ERRNO.BADF);
});
