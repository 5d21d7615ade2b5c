import fc from "fast-check";
import { expect, test } from "vitest";
import { createFakeTiming } from "../common/fake-timing.ts";
import { WorkQueue, type WorkResult } from "./work-queue.ts";

test("queue: a key that is added several times before it runs, runs once", async () => {
  const timing = createFakeTiming();
  const runs: string[] = [];
  const queue = new WorkQueue({ concurrency: 1, timing, run: async (key) => void runs.push(key) });
  for (const key of ["a", "b", "a", "a", "b"]) queue.add(key);
  await timing.advance(0);
  expect(runs).toEqual(["a", "b"]);
});

test("queue: a key that is added while it runs, runs once more afterwards", async () => {
  const timing = createFakeTiming();
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const queue = new WorkQueue({ concurrency: 4, timing, run: () => (++runs === 1 ? gate.promise : Promise.resolve()) });
  queue.add("a");
  await timing.advance(0);
  queue.add("a");
  queue.add("a");
  await timing.advance(1000);
  expect([runs, queue.running, queue.depth]).toEqual([1, 1, 0]);
  gate.resolve();
  await timing.advance(0);
  expect([runs, queue.running]).toEqual([2, 0]);
});

test("queue: what is new goes before a sweep over everything, also what the sweep has in it", async () => {
  const timing = createFakeTiming();
  const runs: string[] = [];
  const queue = new WorkQueue({ concurrency: 1, timing, run: async (key) => void runs.push(key) });
  for (const key of ["a", "b", "c"]) queue.add(key, "sweep");
  queue.add("new");
  queue.add("c");
  queue.add("c", "sweep");
  expect(queue.depth).toBe(3); // the first one has begun
  await timing.advance(0);
  expect(runs).toEqual(["a", "new", "c", "b"]);
});

test("queue: failures are tried again with a growing delay, up to a minute, which success ends", async () => {
  const timing = createFakeTiming();
  const delays: number[] = [];
  let isBroken = true;
  const queue = new WorkQueue({
    concurrency: 1,
    timing,
    run: () => (isBroken ? Promise.reject(new Error("broken")) : Promise.resolve()),
    onError: (_key, _thrown, _failures, delayMs) => delays.push(delayMs),
  });
  queue.add("a");
  await timing.advance(300_000);
  expect(delays.slice(0, 4)).toEqual([3.75, 7.5, 15, 30]);
  expect(delays.at(-1)).toBe(45_000);
  isBroken = false;
  await timing.advance(60_000);
  isBroken = true;
  queue.add("a");
  await timing.advance(0);
  expect(delays.at(-1)).toBe(3.75);
});

test("queue: a run says when its key is due again; the earlier time counts, and an addition is at once", async () => {
  const timing = createFakeTiming();
  const ranAtMs: number[] = [];
  const queue = new WorkQueue({
    concurrency: 1,
    timing,
    run: async (): Promise<WorkResult> => {
      ranAtMs.push(timing.now());
      return ranAtMs.length === 1 ? { requeueAfterMs: 1000 } : undefined;
    },
  });
  queue.add("a");
  await timing.advance(500);
  queue.addAfter("a", 2000);
  await timing.advance(10_000);
  expect(ranAtMs).toEqual([0, 1000]);
  queue.addAfter("a", 5000);
  queue.addAfter("a", 100);
  await timing.advance(10_000);
  expect(ranAtMs).toEqual([0, 1000, 10_600]);
});

test("queue: stop waits for what runs, tells it, and begins nothing more", async () => {
  const timing = createFakeTiming();
  const gate = Promise.withResolvers<void>();
  const runs: string[] = [];
  let isTold = false;
  const queue = new WorkQueue({
    concurrency: 1,
    timing,
    run: async (key, signal) => {
      runs.push(key);
      signal.addEventListener("abort", () => (isTold = true));
      await gate.promise;
    },
  });
  queue.add("a");
  queue.add("b");
  await timing.advance(100);
  expect([queue.depth, queue.oldestWaitMs]).toEqual([1, 100]);
  let isStopped = false;
  const stopped = queue.stop().then(() => (isStopped = true));
  queue.add("c");
  await timing.advance(1000);
  expect([isTold, isStopped]).toEqual([true, false]);
  gate.resolve();
  await stopped;
  expect(runs).toEqual(["a"]);
});

test("queue: it is bounded, and a key that is done is forgotten", async () => {
  const timing = createFakeTiming();
  const queue = new WorkQueue({ concurrency: 1, timing, maxKeys: 2, run: () => Promise.resolve() });
  queue.add("a");
  queue.add("b");
  expect(() => queue.add("c")).toThrow(RangeError);
  await timing.advance(0);
  queue.add("c");
});

test("queue: contract: no key is lost, and none runs concurrently with itself", async () => {
  const step = fc.oneof(
    fc.record({ op: fc.constant("add" as const), key: fc.constantFrom("a", "b", "c", "d") }),
    fc.record({ op: fc.constant("after" as const), key: fc.constantFrom("a", "b", "c", "d"), ms: fc.nat(3000) }),
    fc.record({ op: fc.constant("advance" as const), ms: fc.nat(500) }),
  );
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 40 }),
    fc.array(fc.record({ ms: fc.nat(200), isFailure: fc.boolean(), again: fc.boolean() }), { maxLength: 30 }),
    fc.integer({ min: 1, max: 3 }),
    async (steps, runs, concurrency) => {
      const timing = createFakeTiming();
      const running = new Set<string>();
      /** What was marked and has not begun to run since. */
      const marked = new Set<string>();
      const queue = new WorkQueue({
        concurrency,
        timing,
        run: async (key) => {
          expect(running.has(key)).toBe(false);
          expect(running.size).toBeLessThan(concurrency);
          running.add(key);
          marked.delete(key);
          const { ms, isFailure, again } = runs.shift() ?? { ms: 1, isFailure: false, again: false };
          await timing.delay(ms);
          running.delete(key);
          if (isFailure || again) marked.add(key);
          if (isFailure) throw new Error("broken");
          return again ? { requeueAfterMs: 50 } : undefined;
        },
      });
      for (const entry of steps) {
        if (entry.op === "advance") await timing.advance(entry.ms);
        else marked.add(entry.key);
        if (entry.op === "add") queue.add(entry.key);
        if (entry.op === "after") queue.addAfter(entry.key, entry.ms);
      }
      await timing.advance(600_000);
      expect([...marked]).toEqual([]);
      expect([queue.depth, queue.running, timing.waiting]).toEqual([0, 0, 0]);
    },
  );
  await fc.assert(property, { numRuns: 200 });
});
