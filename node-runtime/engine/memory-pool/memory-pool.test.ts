import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryPool, type MemoryPoolLimits } from "./memory-pool.ts";

const PAGE = 65_536;
const LIMITS: MemoryPoolLimits = { maxIdle: 4, maxIdleBytes: 12 * PAGE, maxKeptBytes: 8 * PAGE, idleMs: 1000 };

function makePool(limits: Partial<MemoryPoolLimits> = {}): { pool: MemoryPool; clock: { nowMs: number } } {
  const clock = { nowMs: 0 };
  return { pool: new MemoryPool({ ...LIMITS, ...limits }, () => clock.nowMs), clock };
}

const bytesOf = (memory: WebAssembly.Memory): Uint8Array => new Uint8Array(memory.buffer);
const need = (minPages: number, maxPages = 10, allowLarger = false) => ({ minPages, maxPages, allowLarger });

test("contract: a memory that changes its owner holds nothing of the first one's, grown pages included", () => {
  const { pool } = makePool();
  const memory = pool.acquire(need(1));
  memory.grow(2);
  bytesOf(memory).fill(0xee);
  pool.release(memory);
  const next = pool.acquire(need(1, 10, true));
  expect(next).toBe(memory);
  expect(bytesOf(next)).toHaveLength(3 * PAGE);
  expect(bytesOf(next).every((byte) => byte === 0)).toBe(true);
});

test("acquire: a memory of another size or another maximum does not serve", () => {
  const { pool } = makePool();
  const memory = pool.acquire(need(2));
  pool.release(memory);
  expect(pool.acquire(need(2, 11, true))).not.toBe(memory);
  expect(pool.acquire(need(1))).not.toBe(memory);
  expect(pool.acquire(need(3, 10, true))).not.toBe(memory);
  expect(pool.acquire(need(2))).toBe(memory);
});

test("release: a memory cannot be released twice, nor a foreign one at all", () => {
  const { pool } = makePool();
  const memory = pool.acquire(need(1));
  pool.release(memory);
  expect(() => pool.release(memory)).toThrow(TypeError);
  expect(() => pool.release(new WebAssembly.Memory({ initial: 1 }))).toThrow(TypeError);
});

test("release: past its limits the pool drops the oldest, and what is too large at once", () => {
  const { pool, clock } = makePool();
  const memories = [1, 2, 3, 4, 5].map((maxPages) => pool.acquire(need(1, maxPages)));
  for (const memory of memories) {
    clock.nowMs++;
    pool.release(memory);
  }
  expect(pool.stats()).toMatchObject({ idle: 4, idleBytes: 4 * PAGE, evicted: 1, lent: 0 });
  expect(pool.acquire(need(1, 1))).not.toBe(memories[0]);
  expect(pool.acquire(need(1, 2))).toBe(memories[1]);
  pool.release(pool.acquire(need(9)));
  expect(pool.stats()).toMatchObject({ idle: 3, evicted: 2 });
});

test("trim: what lay idle too long is dropped, what was used since stays", () => {
  const { pool, clock } = makePool();
  const [old, young] = [pool.acquire(need(1)), pool.acquire(need(1))];
  pool.release(old);
  clock.nowMs = 600;
  pool.release(young);
  clock.nowMs = 1000;
  pool.trim();
  expect(pool.stats()).toMatchObject({ idle: 1, trimmed: 1 });
  expect(pool.acquire(need(1))).toBe(young);
});

test("pool: after any sequence its numbers are true, its limits kept and every memory it lends is clean and lent once", () => {
  const step = fc.record({
    acquire: fc.boolean(),
    pages: fc.integer({ min: 1, max: 9 }),
    pick: fc.nat(7),
    larger: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { pool, clock } = makePool();
      const lent: WebAssembly.Memory[] = [];
      for (const { acquire, pages, pick, larger } of steps) {
        clock.nowMs += pick * 50;
        if (acquire) {
          const memory = pool.acquire(need(pages, 9, larger));
          expect(lent).not.toContain(memory);
          expect(bytesOf(memory).indexOf(1)).toBe(-1);
          bytesOf(memory)[pick * 1000] = 1;
          lent.push(memory);
        } else if (lent.length > 0) pool.release(lent.splice(pick % lent.length, 1)[0]!);
        else pool.trim();
        const { idle, idleBytes, lent: lentCount, made, evicted, trimmed } = pool.stats();
        expect(idle).toBeLessThanOrEqual(LIMITS.maxIdle);
        expect(idleBytes).toBeLessThanOrEqual(LIMITS.maxIdleBytes);
        expect(lentCount).toBe(lent.length);
        expect(made).toBe(idle + lentCount + evicted + trimmed);
      }
    }),
    { numRuns: 100 },
  );
});
