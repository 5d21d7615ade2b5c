import { expect, test } from "vitest";
import type { AppTemplate } from "../../crds/wasm-replica/types.ts";
import { commandTemplate, minimalTemplate } from "./fixtures.ts";
import type { ReplicaStatus } from "./replica.ts";
import { nextTry, reasonNotToRun, type Stage } from "./stage.ts";

const HTTP = minimalTemplate({ trigger: { http: {} } }) as unknown as AppTemplate;
const ROLLOUT = { previous: { revision: "r1", template: HTTP } };
const FAILED = { state: "Failed" } as const;

function stageOf(...parts: Parameters<typeof nextTry>): Stage {
  return nextTry(...parts).stage;
}

test("stage: a runtime that starts anew runs what served before, and then what is asked for", () => {
  const first = nextTry(ROLLOUT, undefined, undefined, 0);
  expect(first.stage).toBe("previous");
  expect(nextTry(ROLLOUT, { state: "Preparing" }, first, 60_000)).toBe(first);
  expect(stageOf(ROLLOUT, { state: "Ready", revision: "r1" }, first, 60_000)).toBe("current");
});

test("stage: contract: what runs already is updated in place", () => {
  expect(stageOf(ROLLOUT, { state: "Ready", revision: "r1" }, undefined, 0)).toBe("current");
});

test("stage: without an earlier template there is nothing to choose", () => {
  expect(stageOf({}, undefined, undefined, 0)).toBe("current");
});

test("stage: where nothing comes up, the two have their turns, ever longer", () => {
  const times: [stage: Stage, atMs: number][] = [];
  let tried = nextTry(ROLLOUT, undefined, undefined, 0);
  for (let nowMs = 0; nowMs < 80_000; nowMs += 1000) {
    const next = nextTry(ROLLOUT, FAILED, tried, nowMs);
    if (next !== tried) times.push([next.stage, nowMs]);
    tried = next;
  }
  expect(times).toEqual([
    ["current", 5000],
    ["previous", 15_000],
    ["current", 35_000],
    ["previous", 75_000],
  ]);
});

test("stage: when the removal of the earlier template comes, only the new one is left", () => {
  const tried = nextTry(ROLLOUT, undefined, undefined, 0);
  expect(stageOf({}, FAILED, tried, 1)).toBe("current");
});

test.each([
  ["Never", "current"],
  ["OnFailure", "current"],
  ["Always", "previous"],
] as const)("stage: a command with restartPolicy %s starts with the %s template", (policy, stage) => {
  expect(stageOf({ previous: { revision: "r1", template: commandTemplate(policy) } }, undefined, undefined, 0)).toBe(
    stage,
  );
});

const OVER = { revision: "r1", podName: "me", state: "Completed", exitCode: 0 } as const;

test.each<[what: string, template: AppTemplate, said: ReplicaStatus, reason: string | undefined]>([
  ["an http app", HTTP, { podName: "other", state: "Ready" }, undefined],
  ["a new command", commandTemplate("Never"), {}, undefined],
  ["a command that completed", commandTemplate("OnFailure"), OVER, "over"],
  ["one that completed and always starts again", commandTemplate("Always"), OVER, undefined],
  ["one that completed as an earlier revision", commandTemplate("Never"), { ...OVER, revision: "r0" }, undefined],
  ["one that failed for good", commandTemplate("Never"), { ...OVER, state: "Failed", exitCode: 1 }, "over"],
  ["one that never ran", commandTemplate("Never"), { revision: "r1", state: "Failed" }, undefined],
  ["one that runs in an older pod", commandTemplate("Always"), { podName: "other", state: "Running" }, "elsewhere"],
  ["one whose older pod is gone", commandTemplate("Always"), { state: "Running" }, undefined],
  ["one that ran here before a crash", commandTemplate("Never"), { podName: "me", state: "Running" }, undefined],
])("stage: %s is run or not", (_, template, said, reason) => {
  expect(reasonNotToRun({ template, revision: "r1" }, said, { name: "me" })).toBe(reason);
});
