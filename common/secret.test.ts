import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "./secret.ts";

test("contract: a secret is not seen unless it is asked for", () => {
  const secret = new Secret("hunter2");
  expect([String(secret), ["", secret].join(), JSON.stringify({ secret }), inspect({ secret })].join()).not.toContain(
    "hunter2",
  );
  expect(secret.reveal()).toBe("hunter2");
});
