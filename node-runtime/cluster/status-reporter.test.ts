import { expect, test } from "vitest";
import { createFakeTiming } from "../../common/fake-timing.ts";
import { keyOf } from "../../kube/objects.ts";
import { errorOf } from "../../kube/simulated-api.ts";
import { ObjectStore } from "../../kube/store.ts";
import type { AppView } from "../runtime-api.ts";
import { minimalReplica, minimalView } from "./fixtures.ts";
import type { Replica } from "./replica.ts";
import { StatusReporter } from "./status-reporter.ts";

/** A reporter over replicas in a store, whose writes the test can fail. */
function reporterOf(count = 1) {
  const timing = createFakeTiming();
  const store = new ObjectStore<Replica>();
  const views = new Map<string, AppView>();
  for (let index = 0; index < count; index++) {
    store.note(minimalReplica(`app-${index}`));
    views.set(`default/app-${index}`, minimalView(`app-${index}`, { revision: "r1" }));
  }
  const writes: { key: string; atMs: number; state: string }[] = [];
  const results: string[] = [];
  const suspended = new Set<string>();
  let version = 1;
  let failure: Error | undefined;
  const reporter = new StatusReporter({
    store,
    appliedOf: (key) => ({ generation: 1, revision: "r1", app: key, isSuspended: suspended.has(key) }),
    viewOf: (app) => views.get(app),
    isPresent: (app) => views.has(app),
    pod: () => ({ name: "pod", created: "2026-01-01T00:00:00Z" }),
    write: async (replica, status) => {
      if (failure !== undefined) throw failure;
      writes.push({ key: keyOf(replica.metadata), atMs: timing.now(), state: status.state });
      await timing.delay(10);
      return { ...replica, metadata: { ...replica.metadata, resourceVersion: String(++version) }, status };
    },
    onWrite: (result) => results.push(result),
    onError: () => {},
    timing,
  });
  const show = (changes: Partial<AppView>, key = "default/app-0"): void => {
    views.set(key, { ...views.get(key)!, ...changes });
    reporter.look(key);
  };
  return {
    reporter,
    store,
    views,
    suspended,
    writes,
    results,
    timing,
    show,
    fail: (error?: Error) => (failure = error),
  };
}

test("status reporter: writes what changed, once", async () => {
  const { reporter, writes, timing } = reporterOf();
  reporter.look("default/app-0");
  await timing.advance(100);
  expect(reporter.hasReported(["default/app-0"])).toBe(true);
  reporter.look("default/app-0");
  await timing.advance(600_000);
  expect(writes).toHaveLength(1);
});

test("status reporter: changes during a write become one more", async () => {
  const { reporter, writes, timing, show } = reporterOf();
  reporter.look("default/app-0");
  await timing.advance(1);
  show({ state: "Failed" });
  show({ state: "BackOff" });
  show({ state: "Ready", restarts: 1 });
  await timing.advance(1000);
  expect(writes.map(({ state }) => state)).toEqual(["Ready", "Ready"]);
});

test("status reporter: contract: no writes in an idle minute, though start times vary a little", async () => {
  const { reporter, writes, timing, show } = reporterOf();
  show({ startP50Seconds: 0.001 });
  await timing.advance(1000);
  for (let second = 0; second < 60; second += 10) {
    show({ startP50Seconds: 0.001 + second / 1e6 });
    reporter.look("default/app-0");
    await timing.advance(10_000);
  }
  expect(writes).toHaveLength(1);
  show({ startP50Seconds: 0.002 });
  await timing.advance(1000);
  expect(writes).toHaveLength(2);
});

test("status reporter: a thousand replicas are reported at a bounded rate", async () => {
  const { reporter, writes, timing } = reporterOf(1000);
  for (let index = 0; index < 1000; index++) reporter.look(`default/app-${index}`);
  await timing.advance(5000);
  expect(writes.length).toBeGreaterThan(400);
  expect(writes.length).toBeLessThanOrEqual(200 + 50 * 5 + 1);
  await timing.advance(20_000);
  expect(new Set(writes.map(({ key }) => key)).size).toBe(1000);
  expect(writes).toHaveLength(1000);
});

test("status reporter: a conflict is tried again, on what is there then", async () => {
  const { reporter, store, writes, results, timing, fail } = reporterOf();
  fail(errorOf("KUBE_CONFLICT"));
  reporter.look("default/app-0");
  await timing.advance(1);
  fail();
  const taken = { podName: "newer", podCreated: "2027-01-01T00:00:00Z", state: "Ready" } as const;
  store.note(minimalReplica("app-0", { metadata: { resourceVersion: "9" }, status: taken }));
  await timing.advance(60_000);
  expect(results).toEqual(["conflict"]);
  expect(writes).toEqual([]);
  expect(reporter.hasReported(["default/app-0"])).toBe(true);
});

test("status reporter: a replica that is gone is no trouble, a server that is away is waited for", async () => {
  const { reporter, writes, results, timing, fail } = reporterOf();
  fail(errorOf("KUBE_NOT_FOUND"));
  reporter.look("default/app-0");
  await timing.advance(60_000);
  expect(results).toEqual(["gone"]);
  fail(errorOf("KUBE_UNREACHABLE"));
  reporter.look("default/app-0");
  await timing.advance(300_000);
  expect(results.length).toBeLessThan(20);
  fail();
  await timing.advance(60_000);
  expect(writes).toHaveLength(1);
});

test("status reporter: contract: a suspended replica is reported once nothing of it is on the node any more", async () => {
  const { reporter, store, views, suspended, writes, timing } = reporterOf();
  reporter.look("default/app-0");
  await timing.advance(100);
  suspended.add("default/app-0");
  reporter.look("default/app-0");
  await timing.advance(60_000);
  expect(writes.map(({ state }) => state)).toEqual(["Ready"]);
  views.delete("default/app-0");
  reporter.look("default/app-0");
  await timing.advance(100);
  const { status } = store.get("default/app-0")!;
  expect(status).toMatchObject({ state: "Suspended", observedGeneration: 1, podName: "pod" });
  expect(status?.conditions).toMatchObject([{ type: "Ready", status: "False", reason: "Suspended" }]);
  expect(status).not.toHaveProperty("revision");
  reporter.look("default/app-0");
  await timing.advance(60_000);
  expect(writes).toHaveLength(2);
});

test("status reporter: where an older pod says that the app is ready, a suspended one waits until that has stopped", async () => {
  const { reporter, store, views, suspended, writes, timing } = reporterOf();
  const said = { podName: "older", podCreated: "2025-01-01T00:00:00Z", state: "Ready", revision: "r1" } as const;
  store.note(minimalReplica("app-0", { metadata: { resourceVersion: "2" }, status: said }));
  suspended.add("default/app-0");
  views.delete("default/app-0");
  reporter.look("default/app-0");
  await timing.advance(60_000);
  expect(writes).toEqual([]);
  const { revision: _, ...stopped } = { ...said, state: "Suspended" as const };
  store.note(minimalReplica("app-0", { metadata: { resourceVersion: "3" }, status: stopped }));
  reporter.look("default/app-0");
  await timing.advance(100);
  expect(writes.map(({ state }) => state)).toEqual(["Suspended"]);
});
