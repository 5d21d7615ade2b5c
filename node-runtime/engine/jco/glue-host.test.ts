import { expect, test } from "vitest";
import { UNOBSERVED } from "../../wasi/host.ts";
import { Scope } from "../../wasi/scope.ts";
import { createGlueHost } from "./glue-host.ts";

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

test("glue timers: a delayed call runs once, an interval until it is cleared", async () => {
  const { setTimeout, setInterval, clearInterval } = createGlueHost(hostOf(new Scope()));
  let [once, often] = [0, 0];
  setTimeout(() => once++, 10);
  const interval = setInterval(() => often++);
  for (let index = 0; index < 5; index++) await turn();
  clearInterval(interval);
  const seen = often;
  for (let index = 0; index < 5; index++) await turn();
  expect([once, often]).toEqual([1, seen]);
  expect(seen).toBeGreaterThan(1);
});

test("glue timers: one that another clears in the same beat does not run", async () => {
  const { setTimeout, clearTimeout } = createGlueHost(hostOf(new Scope()));
  const ran: string[] = [];
  setTimeout(() => (ran.push("first"), clearTimeout(second)));
  const second = setTimeout(() => ran.push("second"));
  await turn();
  await turn();
  expect(ran).toEqual(["first"]);
});

test("glue timers: the end of the scope ends them", async () => {
  const scope = new Scope();
  const { setInterval, setTimeout } = createGlueHost(hostOf(scope));
  let polls = 0;
  setInterval(() => polls++);
  await turn();
  scope.close();
  const seen = polls;
  setTimeout(() => polls++);
  for (let index = 0; index < 5; index++) await turn();
  expect(polls).toBe(seen);
});

test.each([
  { how: "throws", run: () => fail() },
  { how: "rejects", run: async () => fail() },
])("glue timers: a loop of the glue's that $how ends the guest with that", async ({ run }) => {
  const scope = new Scope();
  createGlueHost(hostOf(scope)).setTimeout(run);
  await turn();
  await turn();
  await expect(scope.wait(() => () => {})).rejects.toThrow("no such task");
});

test("glue host: a trap ends the guest's scope with the trap", async () => {
  const scope = new Scope();
  createGlueHost(hostOf(scope)).trapped(new WebAssembly.RuntimeError("unreachable"));
  await expect(scope.wait(() => () => {})).rejects.toThrow("unreachable");
});

test("glue timers: a quiet poll is hurried by the end of a host's wait", async () => {
  const scope = new Scope();
  const { setInterval } = createGlueHost(hostOf(scope));
  let polls = 0;
  setInterval(() => polls++);
  for (let quick = 0; quick < 18; quick++) await turn(); // from here on polls are rare
  let wake!: () => void;
  const waiting = scope.wait((callback) => ((wake = callback), () => {}));
  const seen = polls;
  wake();
  await waiting;
  await turn();
  await turn();
  expect(polls).toBeGreaterThan(seen);
});

test("glue timers: a check at no delay that nothing goes on leaves the polls rare", async () => {
  const { setInterval, setIdleTimeout } = createGlueHost(hostOf(new Scope()));
  let polls = 0;
  setInterval(() => {
    polls++;
    setIdleTimeout(() => {});
  });
  for (let quick = 0; quick < 18; quick++) await turn();
  const seen = polls;
  for (let index = 0; index < 50; index++) await turn();
  expect(polls - seen).toBeLessThan(25);
});

function fail(): never {
  throw new Error("no such task");
}

function hostOf(scope: Scope): Parameters<typeof createGlueHost>[0] {
  return { scope, activity: UNOBSERVED };
}
