import { expect, test } from "vitest";
import { HostClosedError } from "./errors.ts";
import { Notifier } from "./io/notifier.ts";
import { Scope } from "./scope.ts";

test("Scope: a wait resolves when it is woken and leaves nothing behind", async () => {
  const scope = new Scope(1);
  const changed = new Notifier();
  const waiting = scope.wait((wake) => changed.subscribe(wake));
  expect(scope.hasRoom).toBe(false);
  changed.notify();
  await waiting;
  expect(scope.hasRoom).toBe(true);
});

test("Scope: closing rejects every wait and ends every resource once", async () => {
  const scope = new Scope();
  let closed = 0;
  scope.defer(() => closed++);
  const waiting = scope.wait(() => () => {});
  scope.close("a deadline");
  scope.close("again");
  await expect(waiting).rejects.toThrow(HostClosedError);
  expect(closed).toBe(1);
  await expect(scope.wait(() => () => {})).rejects.toThrow("a deadline");
});

test("Scope: a resource that wakes its waiters as it closes does not let them go on", async () => {
  const scope = new Scope();
  const changed = new Notifier();
  scope.defer(() => changed.notify());
  const waiting = scope.wait((wake) => changed.subscribe(wake));
  scope.close();
  await expect(waiting).rejects.toThrow(HostClosedError);
});

test("Scope: race passes a result on, and rejects on closing before it", async () => {
  const scope = new Scope();
  expect(await scope.race(Promise.resolve(7))).toBe(7);
  const never = scope.race(new Promise<never>(() => {}));
  scope.close();
  await expect(never).rejects.toThrow(HostClosedError);
});
