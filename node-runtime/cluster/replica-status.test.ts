import { expect, test } from "vitest";
import type { AppView } from "../runtime-api.ts";
import { formatSeconds } from "../../crds/wasm-replica/start-time.ts";
import { buildReplicaStatus, isWorthWriting, type Observation } from "./replica-status.ts";

const VIEW: AppView = {
  namespace: "default",
  name: "hello",
  kind: "http",
  state: "Ready",
  urls: ["http://0.0.0.0:20000"],
  engine: "lean",
  digest: "sha256:00",
  revision: "r1",
  conditions: [
    { type: "Ready", status: "True", reason: "Serving", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ],
  startPhases: { fetch: 0.0125, compile: 1.5 },
  startP50Seconds: 0.000412,
  restarts: 0,
  instances: 1,
};

function statusOf(
  changes: Partial<AppView> = {},
  observation: Partial<Observation> = {},
): ReturnType<typeof buildReplicaStatus> {
  return buildReplicaStatus({
    view: { ...VIEW, ...changes },
    generation: 3,
    wanted: "r1",
    pod: { name: "node-1", ip: "10.0.0.7", created: "2026-01-01T00:00:00Z" },
    said: {},
    now: new Date("2026-01-02T00:00:00Z"),
    ...observation,
  });
}

test("replica status: what a ready app reports", () => {
  expect(statusOf()).toEqual({
    observedGeneration: 3,
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "Serving",
        message: "",
        observedGeneration: 3,
        lastTransitionTime: "2026-01-02T00:00:00.000Z",
      },
    ],
    state: "Ready",
    revision: "r1",
    podName: "node-1",
    podIP: "10.0.0.7",
    podCreated: "2026-01-01T00:00:00Z",
    digest: "sha256:00",
    engine: "lean",
    startPhases: { fetch: "12.5ms", compile: "1.5s" },
    startP50: "0.412ms",
    restarts: 0,
  });
});

test("replica status: while an older revision serves, Updated says why", () => {
  const failed = { reason: "PREPARE_INVALID", message: "no module" };
  const { conditions, state, revision, reason } = statusOf(failed, { wanted: "r2" });
  expect({ state, revision, reason }).toEqual({ state: "Ready", revision: "r1", reason: "PREPARE_INVALID" });
  expect(conditions?.find(({ type }) => type === "Updated")).toMatchObject({ status: "False", ...failed });
});

test("replica status: until it is known why, the update is in progress", () => {
  const updated = statusOf({}, { wanted: "r2" }).conditions?.find(({ type }) => type === "Updated");
  expect(updated).toMatchObject({ status: "False", reason: "Progressing" });
});

test("replica status: an app that runs nothing yet has no Updated", () => {
  const { revision: _, ...view } = VIEW;
  const { conditions } = buildReplicaStatus({
    view,
    generation: 1,
    wanted: "r2",
    pod: { name: "node-1", created: "2026-01-01T00:00:00Z" },
    said: {},
    now: new Date(),
  });
  expect(conditions?.map(({ type }) => type)).toEqual(["Ready"]);
});

test("replica status: a transition keeps its time until it happens again", () => {
  const said = statusOf();
  const later = new Date("2026-01-05T00:00:00Z");
  expect(statusOf({}, { said, now: later }).conditions?.[0]?.lastTransitionTime).toBe("2026-01-02T00:00:00.000Z");
  const lost = statusOf({ conditions: [{ ...VIEW.conditions[0]!, status: "False" }] }, { said, now: later });
  expect(lost.conditions?.[0]?.lastTransitionTime).toBe("2026-01-05T00:00:00.000Z");
});

test("replica status: texts stay within the bounds of the definition", () => {
  const { reason, message, exitCode } = statusOf({ reason: "r".repeat(5000), message: "m".repeat(9000), exitCode: -9 });
  expect([reason?.length, message?.length, exitCode]).toEqual([1024, 4096, -1]);
});

test("replica status: nothing is written twice", () => {
  expect(isWorthWriting(undefined, statusOf(), 0)).toBe(true);
  expect(isWorthWriting(statusOf(), statusOf(), 1e9)).toBe(false);
  expect(isWorthWriting({ ...statusOf(), later: "field" } as never, statusOf(), 1e9)).toBe(false);
});

test.each([
  ["a state", { state: "Failed" }],
  ["a restart", { restarts: 1 }],
  ["a revision", { revision: "r0" }],
] as const)("replica status: %s is written at once", (_, change) => {
  expect(isWorthWriting(statusOf(), statusOf(change), 0)).toBe(true);
});

test.each([
  ["a little", { startP50Seconds: 0.00044 }, 60_000, false],
  ["much, but just now", { startP50Seconds: 0.004 }, 29_999, false],
  ["much", { startP50Seconds: 0.004 }, 30_000, true],
  ["by a phase that is new", { startPhases: { ...VIEW.startPhases, instantiate: 0.1 } }, 30_000, true],
] as const)("replica status: start times that changed %s", (_, change, ageMs, isWritten) => {
  expect(isWorthWriting(statusOf(), statusOf(change), ageMs)).toBe(isWritten);
});

test.each([
  [0, "0ms"],
  [1e-12, "0ms"],
  [0.0000004, "0.0004ms"],
  [0.0012, "1.2ms"],
  [0.99951, "1000ms"],
  [61.27, "61.3s"],
])("replica status: %d seconds are %s", (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
