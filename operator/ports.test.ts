import fc from "fast-check";
import { expect, test } from "vitest";
import { Ports } from "./ports.ts";

const RANGE = { first: 20_000, last: 20_002 };

test("ports: gives each app one, keeps it, and says when none is left", () => {
  const ports = new Ports();
  expect(ports.assign("default", "a", RANGE, undefined)).toBe(20_000);
  expect(ports.assign("default", "b", RANGE, undefined)).toBe(20_001);
  expect(ports.assign("default", "a", RANGE, undefined)).toBe(20_000);
  expect(ports.assign("default", "c", RANGE, undefined)).toBe(20_002);
  expect(ports.assign("default", "d", RANGE, undefined)).toBeUndefined();
});

test("ports: a port that became free rests until the others were given", () => {
  const ports = new Ports();
  ports.assign("default", "a", RANGE, undefined);
  ports.release("a");
  expect(ports.assign("default", "b", RANGE, undefined)).toBe(20_001);
});

test("ports: what was recorded stays, also outside of the range", () => {
  expect(new Ports().assign("default", "a", RANGE, 30_000)).toBe(30_000);
});

test("ports: of two apps with one recorded port the second gets another", () => {
  const ports = new Ports();
  expect(ports.assign("default", "a", RANGE, 20_001)).toBe(20_001);
  expect(ports.assign("default", "b", RANGE, 20_001)).toBe(20_000);
});

test("ports: pools have their own, and an app that moves has one in each until it has left", () => {
  const ports = new Ports();
  expect(ports.assign("default", "a", RANGE, undefined)).toBe(20_000);
  expect(ports.assign("edge", "a", RANGE, 20_000)).toBe(20_000);
  expect(ports.assign("default", "b", RANGE, 20_000)).toBe(20_001);
  ports.release("a", new Set(["edge"]));
  expect(ports.assign("default", "c", RANGE, 20_000)).toBe(20_000);
  expect(ports.assign("edge", "c", RANGE, 20_000)).toBe(20_001);
  ports.release("a");
  expect(ports.assign("edge", "d", RANGE, 20_000)).toBe(20_000);
});

test("property: never gives one port of a pool to two apps", () => {
  const step = fc.record({
    app: fc.constantFrom("a", "b", "c", "d", "e"),
    pool: fc.constantFrom("default", "edge"),
    recorded: fc.option(fc.integer({ min: 19_999, max: 20_003 }), { nil: undefined }),
    isRelease: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const ports = new Ports();
      const held = new Map<string, string>();
      for (const { app, pool, recorded, isRelease } of steps) {
        if (isRelease) {
          ports.release(app);
          held.delete(app);
          continue;
        }
        const port = ports.assign(pool, app, RANGE, recorded);
        if (port === undefined) continue;
        const place = `${pool} ${port}`;
        expect([...held].filter(([other, taken]) => taken === place && other !== app)).toEqual([]);
        held.set(app, place);
      }
    }),
  );
});
