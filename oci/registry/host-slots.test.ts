import { expect, test } from "vitest";
import { HostSlots } from "./host-slots.ts";

test("host slots: as many as allowed at a time, in order, and hosts do not wait for each other", async () => {
  const slots = new HostSlots(1);
  const order: string[] = [];
  const first = await slots.take("a");
  const second = slots.take("a").then((release) => (order.push("second"), release));
  const third = slots.take("a").then((release) => (order.push("third"), release));
  (await slots.take("b"))();
  expect(order).toEqual([]);
  first();
  first();
  (await second)();
  (await third)();
  expect(order).toEqual(["second", "third"]);
});

test("host slots: one that is aborted while it waits leaves the queue", async () => {
  const slots = new HostSlots(1);
  const release = await slots.take("a");
  const controller = new AbortController();
  const waiting = slots.take("a", controller.signal);
  controller.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow("stopped");
  release();
  (await slots.take("a"))();
});

test("host slots: the queue is bounded", async () => {
  const slots = new HostSlots(1);
  await slots.take("a");
  for (let index = 0; index < 1024; index++) void slots.take("a");
  await expect(slots.take("a")).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
});
