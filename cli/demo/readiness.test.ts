import { expect, test } from "vitest";
import type { AppView } from "../../node-runtime/runtime-api.ts";
import { awaitReady, type ReadinessOptions } from "./readiness.ts";

function app(change: Partial<AppView>): AppView {
  return {
    namespace: "default",
    name: "hello",
    kind: "http",
    state: "Ready",
    urls: ["http://127.0.0.1:8080"],
    conditions: [],
    startPhases: {},
    restarts: 0,
    instances: 0,
    ...change,
  };
}

/** Options with a clock that goes on 10 ms in every pause; `steps` are what the apps are, one after the other. */
function options(steps: AppView[][], change: Partial<ReadinessOptions> = {}): ReadinessOptions {
  let time = 0;
  let step = 0;
  return {
    expected: ["default/hello"],
    apps: () => steps[Math.min(step, steps.length - 1)] ?? [],
    probe: () => Promise.resolve(undefined),
    now: () => time,
    pause: () => {
      time += 10;
      step++;
      return Promise.resolve();
    },
    timeoutMs: 100,
    onProgress: () => {},
    signal: new AbortController().signal,
    ...change,
  };
}

test("readiness: an http app counts when it answered, not when it says it is ready", async () => {
  const answers = ["HTTP status 502", "HTTP status 502", undefined];
  let probes = 0;
  const probe = (): Promise<string | undefined> => Promise.resolve(answers[probes++]);
  const { answered, waiting } = await awaitReady(options([[app({})]], { probe }));
  expect(probes).toBe(3);
  expect([...answered]).toEqual(["default/hello"]);
  expect(waiting.size).toBe(0);
});

test("readiness: an app is not asked before it is ready, nor after it answered", async () => {
  const probed: string[] = [];
  const probe = (url: string): Promise<undefined> => {
    probed.push(url);
    return Promise.resolve(undefined);
  };
  const other = app({ name: "other", state: "Preparing", urls: ["http://127.0.0.1:8081"] });
  const steps = [
    [app({}), other],
    [app({}), other],
    [app({}), { ...other, state: "Ready" as const }],
  ];
  const { answered } = await awaitReady(options(steps, { probe, expected: ["default/hello", "default/other"] }));
  expect(probed).toEqual(["http://127.0.0.1:8080", "http://127.0.0.1:8081"]);
  expect(answered.size).toBe(2);
});

test("readiness: a command counts when it completed with 0", async () => {
  const running = app({ kind: "command", state: "Running", urls: [] });
  const done = { ...running, state: "Completed" as const };
  expect((await awaitReady(options([[running], [{ ...done, exitCode: 0 }]]))).answered.size).toBe(1);
  const { failed } = await awaitReady(options([[running], [{ ...done, exitCode: 3 }]]));
  expect([...failed]).toEqual([["default/hello", "exit code 3"]]);
});

test("readiness: a failed app ends the wait with its reason", async () => {
  const broken = app({ state: "Failed", reason: "ARTIFACT_MISSING", message: "no such file" });
  const { failed, answered } = await awaitReady(options([[broken]]));
  expect([...failed]).toEqual([["default/hello", "ARTIFACT_MISSING: no such file"]]);
  expect(answered.size).toBe(0);
});

test("readiness: a failed app that recovers while others are awaited counts", async () => {
  const slow = app({ name: "slow", state: "Preparing" });
  const steps = [
    [app({ state: "Failed" }), slow],
    [app({}), slow],
    [app({}), { ...slow, state: "Ready" as const }],
  ];
  const { failed, answered } = await awaitReady(options(steps, { expected: ["default/hello", "default/slow"] }));
  expect(failed.size).toBe(0);
  expect(answered.size).toBe(2);
});

test("readiness: an app that never comes is awaited until the time is over", async () => {
  const { waiting } = await awaitReady(options([[]]));
  expect([...waiting]).toEqual([["default/hello", "Pending"]]);
});

test("readiness: an abort ends the wait", async () => {
  const controller = new AbortController();
  const pause = (): Promise<void> => Promise.resolve(controller.abort());
  const { waiting } = await awaitReady(
    options([[]], { signal: controller.signal, pause, timeoutMs: Number.POSITIVE_INFINITY }),
  );
  expect(waiting.size).toBe(1);
});
