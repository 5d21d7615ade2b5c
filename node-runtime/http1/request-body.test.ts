import { expect, test } from "vitest";
import { RequestBody } from "./request-body.ts";

const TINY = Buffer.from("x");

test("request body: pieces of one read are kept as one", () => {
  const body = new RequestBody(() => {});
  body.push(Array.from({ length: 1000 }, () => TINY));
  expect(body.take(10_000)).toHaveLength(1000);
});

test("request body: many tiny pieces fill it as their number does, and there is room again once they are taken", () => {
  let rooms = 0;
  const body = new RequestBody(() => rooms++);
  let pieces = 0;
  for (; !body.isFull; pieces++) body.push([TINY]);
  expect(pieces).toBeLessThan(1000);
  for (let left = pieces; left > 0; left--) expect(body.take(10)).toEqual(TINY);
  expect([rooms, body.isFull, body.take(10)]).toEqual([1, false, undefined]);
  body.push([Buffer.alloc(65_535)]);
  expect(body.isFull).toBe(true);
});
