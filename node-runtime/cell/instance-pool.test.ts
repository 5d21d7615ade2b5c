import { expect, test } from "vitest";
import type { Guest } from "./guest.ts";
import { InstancePool } from "./instance-pool.ts";
import { StatsCollector } from "./stats.ts";

const never = (): AbortSignal => new AbortController().signal;

/** A pool over a guest whose instances do nothing. */
function makePool(concurrency: number): { pool: InstancePool; stats: StatsCollector } {
  const stats = new StatsCollector();
  const guest = {
    app: { concurrency, reuse: "Request" },
    stats,
    isCompiled: true,
    instantiate: () =>
      Promise.resolve({ instance: {}, calls: 0, host: { scope: { closed: false } }, phases: {}, dispose: () => {} }),
    release: () => {},
  };
  return { pool: new InstancePool(guest as unknown as Guest), stats };
}

test("instance pool: a request that gives up leaves its place in the queue to the next, and no slot is lost", async () => {
  const { pool, stats } = makePool(1);
  const { live } = await pool.acquire(never);
  const leaving = new AbortController();
  const left = pool.acquire(() => leaving.signal);
  const waiting = Array.from({ length: 3 }, () => pool.acquire(never));
  await expect(pool.acquire(never)).rejects.toMatchObject({ code: "REQUEST_OVERLOADED" });
  expect(stats.take().limitHits).toEqual({ concurrency: 1 });
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  waiting.push(pool.acquire(never));
  let next = live;
  for (const lease of waiting) {
    pool.release(next, true);
    next = (await lease).live;
    expect(pool.inUse).toBe(1);
  }
  pool.release(next, true);
  expect(pool.inUse).toBe(0);
});

test("instance pool: a request that has its instance is not troubled by giving up later", async () => {
  const { pool } = makePool(1);
  const { live } = await pool.acquire(never);
  const leaving = new AbortController();
  const second = pool.acquire(() => leaving.signal);
  pool.release(live, true);
  const lease = await second;
  leaving.abort(new Error("gone"));
  expect(pool.inUse).toBe(1);
  pool.release(lease.live, true);
  expect(pool.inUse).toBe(0);
});

test("instance pool: a request that gave up before it came does not wait", async () => {
  const { pool } = makePool(1);
  await pool.acquire(never);
  await expect(pool.acquire(() => AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
});
