import { expect, test } from "vitest";
import type { AppView } from "../node-runtime/runtime-api.ts";
import { StateReporter } from "./state-reporter.ts";

function app(change: Partial<AppView>): AppView {
  return {
    namespace: "default",
    name: "a",
    kind: "http",
    state: "Ready",
    urls: [],
    conditions: [],
    startPhases: {},
    restarts: 0,
    instances: 0,
    ...change,
  };
}

test("states: each change is logged once, a removal as well", () => {
  const lines: string[] = [];
  const reporter = new StateReporter({
    info: (message, fields) => lines.push(`${message} ${JSON.stringify(fields ?? {})}`),
  });
  reporter.report([app({ state: "Preparing" })]);
  reporter.report([app({ state: "Preparing", instances: 1, urls: ["http://x"] })]);
  reporter.report([app({ urls: ["http://x"], engine: "jco" })]);
  reporter.report([
    app({ urls: ["http://x"], reason: "ARTIFACT_MISSING" }),
    app({ name: "b", state: "Failed", exitCode: 3 }),
  ]);
  reporter.report([app({ name: "b", state: "Failed", exitCode: 3 })]);
  expect(lines).toEqual([
    'default/a is Preparing {"app":"default/a"}',
    'default/a is Ready {"app":"default/a","url":"http://x","engine":"jco"}',
    'default/a is Ready {"app":"default/a","reason":"ARTIFACT_MISSING","url":"http://x"}',
    'default/b is Failed {"app":"default/b","exitCode":3}',
    'default/a is removed {"app":"default/a"}',
  ]);
});
