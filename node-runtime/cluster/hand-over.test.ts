import { expect, test } from "vitest";
import { isNewer, turnOf } from "./hand-over.ts";
import type { ReplicaStatus } from "./replica.ts";

const ME = { name: "pod-b", created: "2026-01-02T00:00:00Z" };
const OLDER = { podName: "pod-a", podCreated: "2026-01-01T00:00:00Z" };
const NEWER = { podName: "pod-c", podCreated: "2026-01-03T00:00:00Z" };

const READY = { state: "Ready", revision: "r2" } as const;
const FAILED = { state: "Failed" } as const;

test.each<[what: string, said: ReplicaStatus, mine: Parameters<typeof turnOf>[2], turn: string]>([
  ["nobody spoke", {}, FAILED, "report"],
  ["the pod that spoke is gone", { state: "Ready", revision: "r2" }, FAILED, "report"],
  ["I spoke myself", { podName: "pod-b", podCreated: "2020-01-01T00:00:00Z", ...READY }, FAILED, "report"],
  ["a newer pod took over", { ...NEWER, ...READY }, READY, "yield"],
  ["a newer pod took over and failed", { ...NEWER, ...FAILED }, READY, "yield"],
  ["an older pod is not ready", { ...OLDER, ...FAILED }, { state: "BackOff" }, "report"],
  ["an older pod is ready, I am not", { ...OLDER, ...READY }, FAILED, "hold"],
  ["an older pod is ready, I still prepare", { ...OLDER, ...READY }, { state: "Preparing" }, "hold"],
  ["an older pod is ready, and I am", { ...OLDER, ...READY }, READY, "report"],
  [
    "both run what served before",
    { ...OLDER, state: "Ready", revision: "r1" },
    { state: "Ready", revision: "r1" },
    "report",
  ],
  [
    "I run what served before, the older pod what is asked for",
    { ...OLDER, ...READY },
    { state: "Ready", revision: "r1" },
    "hold",
  ],
  ["an older pod that says no date", { podName: "pod-a", ...READY }, READY, "report"],
])("hand-over: %s", (_, said, mine, turn) => {
  expect(turnOf(said, ME, mine, "r2")).toBe(turn);
});

test("hand-over: of two pods exactly one is newer", () => {
  const pods = [
    { name: "a", created: "2026-01-01T00:00:00Z" },
    { name: "b", created: "2026-01-01T00:00:00Z" },
    { name: "c", created: "2026-01-01T00:00:01Z" },
  ];
  for (const pod of pods) {
    for (const other of pods) if (pod !== other) expect(isNewer(pod, other)).toBe(!isNewer(other, pod));
  }
});
