import { expect, test } from "vitest";
import { BASE_SCENARIOS } from "./base-scenarios.ts";
import { HELP, readTask } from "./options.ts";

const [BASE = ""] = Object.keys(BASE_SCENARIOS);

test("options: without any, seeds are gone through for a minute from one that the time makes", () => {
  expect(readTask([], 3_000_000_005)).toEqual({ kind: "seeds", first: 5, minutes: 1 });
  expect(readTask(["--minutes", "0.5", "--first", "7"], 0)).toEqual({ kind: "seeds", first: 7, minutes: 0.5 });
  expect(readTask(["--places"], 0)).toEqual({ kind: "places" });
});

test("options: what a finding says to replay is replayed", () => {
  const planted = { kind: "crash-after-write", index: 7 };
  const run = { scenario: BASE_SCENARIOS[BASE], seed: 1, planted, isVerbose: true };
  const args = ["--base", BASE, "--fault", "crash-after-write:7", "--verbose"];
  expect(readTask(args, 0)).toEqual({ kind: "replay", run });
  const ofSeed = readTask(["--seed", "42", "--steps", "0"], 0);
  expect(ofSeed).toMatchObject({ kind: "replay", run: { seed: 42, isVerbose: false } });
  expect(ofSeed.kind === "replay" && ofSeed.run.scenario.steps).toHaveLength(1);
});

test.each([
  [["--sed", "1"], "'--sed'"],
  [["1"], "'1'"],
  [["--minutes", "long"], "--minutes: expected a number, got long"],
  [["--first", ""], "--first: expected a whole number, got nothing"],
  [["--seed", "1.5"], "--seed: expected a whole number, got 1.5"],
  [["--seed", "1", "--steps", "0,x"], "--steps: expected a whole number, got x"],
  [["--base", "none"], "--base: expected the name of a base scenario, got none"],
  [["--base", BASE, "--fault", "fire:1"], "--fault: expected a kind of fault"],
  [["--base", BASE, "--fault", "lose-event"], "--fault: expected a whole number, got nothing"],
])("options: %j are refused", (args, message) => {
  expect(() => readTask(args, 0)).toThrow(message);
});

test("help: tells every option and every base scenario", () => {
  expect(readTask(["-h"], 0)).toEqual({ kind: "help" });
  for (const name of Object.keys(BASE_SCENARIOS)) expect(HELP).toContain(name);
});
