import { expect, test } from "vitest";
import { HostClosedError } from "../errors.ts";
import { Context } from "./context.ts";
import { GuestMemory } from "./guest-memory.ts";
import { TestGuest } from "./test-guest.ts";

function makeContext(): { context: Context; guest: TestGuest } {
  const guest = new TestGuest();
  return { context: new Context(guest.host, new GuestMemory(() => guest.memory)), guest };
}

test("context: a wait gives its value", async () => {
  expect(await makeContext().context.resume(Promise.resolve(7))).toBe(7);
});

test("context: a wait that was over when the host closed does not resume the guest either", async () => {
  const { context, guest } = makeContext();
  const pending = context.resume(Promise.resolve(7));
  guest.scope.close();
  await expect(pending).rejects.toBeInstanceOf(HostClosedError);
});

test("context: a guest that never touches a descriptor costs none", () => {
  const { context, guest } = makeContext();
  let streams = 0;
  const { getStdin } = guest.host.imports["wasi:cli/stdin"] as { getStdin: () => unknown };
  const counted = { getStdin: (): unknown => ((streams += 1), getStdin()) };
  Object.defineProperty(guest.host.imports, "wasi:cli/stdin", { value: counted });
  expect(streams).toBe(0);
  expect(context.fds).toBe(context.fds);
  expect(streams).toBe(1);
});
