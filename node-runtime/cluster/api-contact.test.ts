import { expect, test } from "vitest";
import { createFakeTiming } from "../../common/fake-timing.ts";
import { ApiContact } from "./api-contact.ts";

test("API contact: each change is told once, with why", async () => {
  const timing = createFakeTiming();
  const changes: string[] = [];
  let isAway = true;
  const contact = new ApiContact({
    probe: async () => {
      if (isAway) throw new Error("no route");
    },
    onChange: (isConnected, problem) => changes.push(isConnected ? "here" : problem),
    timing,
  });
  contact.answered();
  contact.failed(new Error("the watch broke"));
  contact.failed(new Error("the watch broke"));
  await timing.advance(60_000);
  expect(changes).toEqual(["here", "no route"]);
  isAway = false;
  await timing.advance(2000);
  expect(changes).toEqual(["here", "no route", "here"]);
  contact.stop();
});

test("API contact: a failure that the API server answers is no loss of it", async () => {
  const timing = createFakeTiming();
  const changes: boolean[] = [];
  const contact = new ApiContact({ probe: async () => {}, onChange: (is) => changes.push(is), timing });
  contact.failed(new Error("the list is too old"));
  await timing.advance(10_000);
  expect(changes).toEqual([true]);
});
