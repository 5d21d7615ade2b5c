import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Guest, LiveInstance } from "./guest.ts";
import { InstancePool, type Lease, type Taker } from "./instance-pool.ts";
import { Places } from "./places.ts";
import { StatsCollector } from "./stats.ts";

const makeInstance = (): unknown => ({
  instance: {},
  calls: 0,
  host: { scope: { closed: false } },
  phases: {},
  dispose: () => {},
});

/** A pool over a guest whose instances do nothing, and are made at once or later. */
function makePool(
  concurrency: number,
  made: "at once" | "later",
  places?: Places,
): { pool: InstancePool; stats: StatsCollector; closed: () => boolean } {
  let isClosed = false;
  const stats = new StatsCollector();
  const guest = {
    app: { concurrency, reuse: "Request" },
    stats,
    isAwake: true,
    instantiate: () => (made === "at once" ? makeInstance() : Promise.resolve(makeInstance())),
    release: () => {},
    close: () => (isClosed = true),
  };
  return { pool: new InstancePool(guest as unknown as Guest, places), stats, closed: () => isClosed };
}

/** A request that notes what it gets. */
class Request implements Taker {
  live: LiveInstance | undefined;
  thrown: unknown;

  take({ live }: Lease): void {
    this.live = live;
  }

  refuse(thrown: unknown): void {
    this.thrown = thrown;
  }
}

function ask(pool: InstancePool): Request {
  const request = new Request();
  pool.acquire(request);
  return request;
}

const settled = (): Promise<void> => nextTurn(undefined);

test("instance pool: an instance that is there, or made at once, is had without waiting", () => {
  const { pool } = makePool(1, "at once");
  expect(ask(pool).live).toBeDefined();
});

test.each(["at once", "later"] as const)(
  "instance pool: who leaves the queue leaves its place to the next, and no place is lost (made %s)",
  async (made) => {
    const { pool, stats } = makePool(1, made);
    const first = ask(pool);
    const leaving = ask(pool);
    const waiting = Array.from({ length: 3 }, () => ask(pool));
    expect(ask(pool).thrown).toMatchObject({ code: "REQUEST_OVERLOADED" });
    expect(stats.take().limitHits).toEqual({ concurrency: 1 });
    pool.leave(leaving);
    waiting.push(ask(pool));
    await settled();
    let { live } = first;
    for (const request of waiting) {
      expect(request.live).toBeUndefined();
      pool.release(live!, true);
      await settled();
      live = request.live;
      expect(live).toBeDefined();
      expect(pool.inUse).toBe(1);
    }
    pool.release(live!, true);
    expect(pool.inUse).toBe(0);
    expect(leaving).toEqual(new Request());
  },
);

test.each(["at once", "later"] as const)(
  "instance pool: who leaves while its instance is on the way gets none, and no place is lost (made %s)",
  async (made) => {
    const { pool } = makePool(1, made);
    const first = ask(pool);
    await settled();
    const [leaving, next] = [ask(pool), ask(pool)];
    pool.release(first.live!, true);
    pool.leave(leaving);
    await settled();
    await settled();
    expect(leaving.live).toBeUndefined();
    expect(next.live).toBeDefined();
    pool.release(next.live!, true);
    expect(pool.inUse).toBe(0);
  },
);

test("instance pool: who leaves while others compute long leaves its place to the next", async () => {
  const { pool, stats } = makePool(1, "at once");
  const { longRuns } = stats.cpu;
  for (let run = 0; run < 8; run++) longRuns.begin();
  const [leaving, next] = [ask(pool), ask(pool)];
  pool.leave(leaving);
  await settled();
  pool.leave(next);
  expect(pool.inUse).toBe(0);
  const last = ask(pool);
  expect(last.live).toBeUndefined();
  longRuns.end();
  await settled();
  expect(last.live).toBeDefined();
});

test("instance pool: a closed one keeps its program until all who have or await a place are over", async () => {
  const calls: string[] = [];
  const guest = {
    app: { concurrency: 1, reuse: "Request" },
    stats: new StatsCollector(),
    isAwake: true,
    instantiate: () => (calls.push("instantiate"), makeInstance()),
    close: () => calls.push("close"),
  };
  const pool = new InstancePool(guest as unknown as Guest);
  const first = ask(pool);
  const second = ask(pool);
  pool.close();
  pool.release(first.live!, true);
  await settled();
  pool.release(second.live!, true);
  await settled();
  expect(calls).toEqual(["instantiate", "instantiate", "close"]);
});

test("instance pool: an instance that was on the way when the app was scaled to zero does not stand ready", async () => {
  const made = Promise.withResolvers<unknown>();
  const disposed: string[] = [];
  const guest = {
    app: { concurrency: 1, reuse: "Request" },
    stats: new StatsCollector(),
    isAwake: true,
    instantiate: () => makeInstance(),
    release: () => disposed.push("asleep"),
  };
  const pool = new InstancePool(guest as unknown as Guest);
  const request = ask(pool);
  guest.instantiate = () => made.promise;
  pool.release(request.live!, true);
  await settled();
  pool.trim();
  made.resolve({ ...(makeInstance() as object), dispose: () => disposed.push("disposed") });
  await settled();
  expect(disposed).toEqual(["asleep", "disposed", "asleep"]);
});

test("instance pool: programs of one app share its places, and the one that waited longest is next", async () => {
  const places = new Places(1);
  const [one, other] = [makePool(1, "at once", places), makePool(1, "at once", places)];
  const first = ask(one.pool);
  const waiting = [ask(other.pool), ask(one.pool), ask(other.pool), ask(other.pool)];
  expect(ask(one.pool).thrown).toMatchObject({ code: "REQUEST_OVERLOADED" });
  let { live } = first;
  let from = one.pool;
  for (const [index, request] of waiting.entries()) {
    expect(request.live).toBeUndefined();
    from.release(live!, true);
    await settled();
    ({ live } = request);
    from = index === 1 ? one.pool : other.pool;
    expect([from.inUse, one.pool.inUse + other.pool.inUse]).toEqual([1, 1]);
  }
  from.release(live!, true);
  expect(places.take()).toBe(true);
});

test("instance pool: a closed program stays until those who wait for a place of the app's are served, or have left", async () => {
  const places = new Places(1);
  const [one, other] = [makePool(1, "at once", places), makePool(1, "at once", places)];
  const { live } = ask(one.pool);
  const [waiting, leaving] = [ask(other.pool), ask(other.pool)];
  other.pool.close();
  expect(other.closed()).toBe(false);
  one.pool.release(live!, true);
  await settled();
  other.pool.release(waiting.live!, true);
  await settled();
  other.pool.release(leaving.live!, true);
  expect(other.closed()).toBe(true);
  const last = makePool(1, "at once", places);
  ask(one.pool);
  const gone = ask(last.pool);
  last.pool.close();
  last.pool.leave(gone);
  expect(last.closed()).toBe(true);
});
