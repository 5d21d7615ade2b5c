import { expect, test } from "vitest";
import { RESTARTED_AT } from "../../../operator/apps/template.ts";
import { condition, servingApp } from "../fixtures.ts";
import { progressOf } from "./progress.ts";

test.each([
  ["is done when every node runs the revision", condition("Progressing", "False", "UpToDate"), "done", "UpToDate"],
  ["waits while it gets on", condition("Progressing", "True", "RollingOut", "1 of 2"), "waiting", "1 of 2"],
  [
    "has failed when it does not get on",
    condition("Progressing", "False", "ProgressDeadlineExceeded", "1 of 2"),
    "failed",
    "ProgressDeadlineExceeded: 1 of 2",
  ],
  [
    "has failed when something stands in its way",
    condition("Progressing", "False", "RuntimeNotFound", "there is none"),
    "failed",
    "RuntimeNotFound: there is none",
  ],
] as const)("rollout: %s", (_, progressing, state, message) => {
  expect(progressOf(servingApp({}, { conditions: [progressing] }))).toEqual({ state, message });
});

test("rollout: a status of an earlier spec counts for nothing", () => {
  expect(progressOf(servingApp({}, { observedGeneration: 0 }))).toMatchObject({ state: "waiting" });
  expect(progressOf({ ...servingApp(), status: undefined as never })).toMatchObject({ state: "waiting" });
});

test("rollout: a restart is waited for until the operator has seen it, unless the status is to be trusted", () => {
  const app = servingApp();
  app.metadata.annotations = { [RESTARTED_AT]: "2026-01-01T00:00:01Z" };
  expect(progressOf(app)).toEqual({ state: "waiting", message: "waits for the operator to see the restart" });
  expect(progressOf(app, { trustsStatus: true }).state).toBe("done");
  app.metadata.annotations = { [RESTARTED_AT]: "2026-01-01T00:00:00Z" };
  expect(progressOf(app).state).toBe("done");
});
